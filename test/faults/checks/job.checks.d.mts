/** What the rules of jobs need of an event. */
export type JobEvent = { stream: string; type: string; data: Record<string, unknown>; position: number };

/** The problems of every pipeline in the log; none when each step is one that the steps before it allow. */
export const jobsFollowTheRules: (history: { events: readonly JobEvent[] }) => string[];
