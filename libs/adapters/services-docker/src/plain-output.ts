const HEADER = 8;

/** What a container has written, without the headers by which the daemon tells its outputs apart. */
export const plainOutput = (frames: Buffer): string => {
  const parts: Buffer[] = [];
  for (let at = 0; at + HEADER <= frames.length;) {
    const length = frames.readUInt32BE(at + 4);
    parts.push(frames.subarray(at + HEADER, at + HEADER + length));
    at += HEADER + length;
  }
  return Buffer.concat(parts).toString('utf8');
};
