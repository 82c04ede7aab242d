type Stored = { id: string; stream: string; type: string };

export const isPublished: (event: Pick<Stored, 'stream'>) => boolean;

export class Unpublished {
  stored(event: Stored): void;
  seen(eventId: string): void;
  readonly events: Stored[];
}
