const MIB = 1024 * 1024;
export const PART_BYTES = 8 * MIB;
/** An upload may have 10,000 parts: they double every thousand, so that 500 GiB fit and small uploads stay small in memory. */
const PARTS_OF_ONE_SIZE = 1_000;
const DOUBLINGS = 3;

const sizeOfPart = (index: number): number =>
  PART_BYTES * 2 ** Math.min(DOUBLINGS, Math.floor(index / PARTS_OF_ONE_SIZE));

/** Gathers chunks of any size into parts, each as large as a part must be but for the last. Empty sources have none. */
export async function* partsOf(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let gathered: Buffer[] = [];
  let bytes = 0;
  let index = 0;
  for await (let chunk of source) {
    while (bytes + chunk.length >= sizeOfPart(index)) {
      const rest = sizeOfPart(index) - bytes;
      yield Buffer.concat([...gathered, chunk.subarray(0, rest)]);
      chunk = chunk.subarray(rest);
      gathered = [];
      bytes = 0;
      index += 1;
    }
    if (chunk.length > 0) gathered.push(chunk);
    bytes += chunk.length;
  }
  if (bytes > 0) yield gathered.length === 1 ? gathered[0]! : Buffer.concat(gathered);
}
