/** One field of a protobuf message: its number, and its bytes or its number. */
type Field = { number: number; bytes: Buffer; value: number };

const VARINT = 0;
const FIXED_64 = 1;
const LENGTH = 2;
const FIXED_32 = 5;
const NOTHING = Buffer.alloc(0);

/**
 * The fields of a protobuf message in the order in which they come (protobuf.dev/programming-guides/encoding). A message
 * that ends early ends its fields.
 */
export function* fieldsOf(message: Buffer): Generator<Field> {
  let at = 0;
  const varint = (): number => {
    let [value, scale] = [0, 1];
    while (at < message.length) {
      const byte = message[at++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
      scale *= 128;
    }
    return value;
  };
  while (at < message.length) {
    const key = varint();
    const number = Math.floor(key / 8);
    const kind = key % 8;
    if (kind === VARINT) yield { number, bytes: NOTHING, value: varint() };
    else if (kind === LENGTH || kind === FIXED_64 || kind === FIXED_32) {
      const length = kind === LENGTH ? varint() : kind === FIXED_64 ? 8 : 4;
      yield { number, bytes: message.subarray(at, at + length), value: 0 };
      at += length;
    } else return;
  }
}

/** `google.protobuf.Timestamp` in milliseconds. */
export const timeOf = (message: Buffer): number => {
  let ms = 0;
  for (const { number, value } of fieldsOf(message)) ms += number === 1 ? value * 1000 : value / 1e6;
  return ms;
};
