import { setTimeout as sleep } from 'node:timers/promises';
import { viewLog } from '@foldline/client';
import { figure, ms, percentile } from './lib/figures.mjs';
import { startInstance } from './lib/instance.mjs';

const TRIGGERS = 30;
const LINES = 100_000;

/** A viewer that is there before the job is: asks until the job exists. */
const firstChunk = async (connection, jobId, wanted) => {
  for (;;) {
    try {
      let text = '';
      for await (const chunk of viewLog(connection, jobId)) {
        text += chunk;
        if (text.includes(wanted)) return performance.now();
      }
      return undefined;
    } catch {
      await sleep(2);
    }
  }
};

/** From the accepted trigger to the first line of the job's own output at a live viewer. */
export const benchLatency = async () => {
  const instance = await startInstance();
  try {
    const fresh = [];
    const known = [];
    for (let n = 0; n < TRIGGERS; n += 1) {
      if (n % 2 === 0) instance.commit(`job:\n  script: echo hello-${n}\n`);
      const { id } = await instance.trigger();
      const accepted = performance.now();
      const seen = await firstChunk(instance.client.connection, `${id}.0`, 'hello-');
      (n % 2 === 0 ? fresh : known).push(seen - accepted);
      await instance.finished(id);
    }
    figure(
      'trigger accepted → first line of the job at a viewer, new commit',
      ms(percentile(fresh)),
      '<= 100 ms',
      percentile(fresh) <= 100,
    );
    figure('the same, p95', ms(percentile(fresh, 0.95)));
    figure(
      'trigger accepted → first line, commit seen before',
      ms(percentile(known)),
      '<= 100 ms',
      percentile(known) <= 100,
    );
    await longLog(instance);
  } finally {
    await instance.stop();
  }
};

const longLog = async ({ client, commit, trigger, finished }) => {
  commit(`job:\n  script: node -e 'for (let n = 1; n <= ${LINES}; n++) process.stdout.write("line " + n + "\\n")'\n`);
  const { id } = await trigger();
  const began = performance.now();
  let text = '';
  for (;;) {
    try {
      for await (const chunk of viewLog(client.connection, `${id}.0`)) text += chunk;
      break;
    } catch {
      await sleep(2);
    }
  }
  const seconds = (performance.now() - began) / 1000;
  const numbers = [...text.matchAll(/^line (\d+)$/gm)].map(([, n]) => Number(n));
  const complete = numbers.length === LINES && numbers.every((n, index) => n === index + 1);
  figure(
    `a ${LINES}-line log at a live viewer`,
    `${numbers.length} lines, ${seconds.toFixed(2)} s`,
    'complete, in order',
    complete,
  );
  await finished(id);
};
