/** A part of what a container without a terminal writes: `stream` is 1 for its standard output and 2 for its errors. */
export type Frame = { stream: number; payload: Buffer };

const HEADER_BYTES = 8;

/**
 * Takes apart what Docker sends of both outputs in one stream: before each part its stream, three zeros and its length
 * (Docker Engine API, "Attach to a container: stream format"). A part may come in several pieces.
 */
export async function* framesOf(source: AsyncIterable<Buffer>): AsyncGenerator<Frame> {
  let header: Buffer = Buffer.alloc(0);
  let missing = 0;
  let stream = 0;
  for await (const chunk of source) {
    let rest = chunk;
    while (rest.length > 0) {
      if (missing > 0) {
        const payload = rest.subarray(0, missing);
        rest = rest.subarray(payload.length);
        missing -= payload.length;
        yield { stream, payload };
        continue;
      }
      const more = rest.subarray(0, HEADER_BYTES - header.length);
      rest = rest.subarray(more.length);
      header = Buffer.concat([header, more]);
      if (header.length < HEADER_BYTES) continue;
      stream = header[0]!;
      missing = header.readUInt32BE(4);
      header = Buffer.alloc(0);
    }
  }
}
