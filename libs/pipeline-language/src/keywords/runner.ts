import type { ClusterPower, RunnerRequirements } from '@foldline/contracts';
import { present } from '../grammar/present.ts';
import { record } from '../grammar/record.ts';
import { choice, mapped, number, text, texts, type Shape } from '../grammar/shape.ts';
import { limits } from '../limits.ts';
import { shorten } from '../node.ts';
import { invalid } from '../read.ts';
import { parseSize } from '../size.ts';

export const cluster = choice<ClusterPower>(['high-power', 'low-power']);

const size: Shape<number> = mapped(
  text,
  (written, node, where) => {
    const bytes = parseSize(written);
    if (bytes !== undefined && bytes > 0) return bytes;
    where.report.error(
      'invalid-size',
      node.at,
      `${where.label} is not a size: \`${shorten(written)}\`.`,
      'Write for example `512MB` or `8GB`.',
    );
    return undefined;
  },
  { title: 'size', type: ['string', 'integer'] },
);

/** `resources: {cpu, memory, disk}`, each optional (seed S0-14). */
export const resources: Shape<Pick<RunnerRequirements, 'cpu' | 'memoryBytes' | 'diskBytes'>> = mapped(
  record<{ cpu: number; memory: number; disk: number }>({
    cpu: { shape: number(0.01, 1024), description: 'Processor cores.', example: 4 },
    memory: { shape: size, description: 'Memory. `8GB` is 8·10⁹ bytes, `8GiB` is 8·2³⁰.', example: '8GB' },
    disk: { shape: size, description: 'Room on disk.', example: '20GB' },
  }),
  ({ cpu, memory, disk }) => ({
    ...present('cpu', cpu),
    ...present('memoryBytes', memory),
    ...present('diskBytes', disk),
  }),
);

/** Labels that the runner must have, all of them. */
export const tags: Shape<string[]> = mapped(texts, (read, node, where) => {
  if (read.length > limits.tags) return invalid(node, where, `may have at most ${limits.tags} tags`);
  return [...new Set(read.map(({ value }) => value))];
});
