import type { NOTIFICATION_MOMENTS, PipelineFinished, RESULT_MOMENTS } from '@foldline/contracts';

type Finished = ReturnType<typeof PipelineFinished>['data'];
export type Moment = (typeof NOTIFICATION_MOMENTS)[number];
type ResultMoment = (typeof RESULT_MOMENTS)[number];

const SHORT_SHA = 8;
const MOMENTS: Readonly<Partial<Record<Finished['status'], ResultMoment>>> = {
  success: 'success',
  failed: 'failed',
  timed_out: 'failed',
  cancelled: 'cancelled',
};
const WORDS: Readonly<Record<ResultMoment, string>> = {
  success: 'succeeded',
  failed: 'failed',
  cancelled: 'was cancelled',
};

/** What a subscriber would call this result; `undefined` for the ones that nobody is told about. */
export const momentOf = (status: Finished['status']): ResultMoment | undefined => MOMENTS[status];

/** The body for one kind of channel. `finishedAt` is RFC 3339. */
export const messageFor = (
  kind: 'slack' | 'webhook',
  { pipelineId, status, context }: Finished,
  moment: ResultMoment,
  finishedAt: string,
): Record<string, unknown> => {
  const project = `${context.project.owner}/${context.project.name}`;
  const { sha } = context;
  if (kind === 'webhook') {
    return { type: 'pipeline.finished', pipelineId, project, ref: context.ref.name, sha, status, finishedAt };
  }
  const where = `${escaped(project)} on ${escaped(context.ref.name)} (${sha.slice(0, SHORT_SHA)})`;
  const why = status === 'timed_out' ? ' because its time was over' : '';
  return { text: `Pipeline ${pipelineId} of ${where} ${WORDS[moment]}${why}.` };
};

/** Slack reads `<…>` as a mention or a link, also in a branch's name; its three signs are escaped as it asks for. */
export const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
