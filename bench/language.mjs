import { fork } from 'node:child_process';
import { once } from 'node:events';
import { loadavg } from 'node:os';
import { parseAllDocuments } from 'yaml';
import { cost, costOfEach, spentMs, warm } from './lib/cost-of-definitions.mjs';
import { copied, inFiles, jobs, sharedRules } from './lib/definitions.mjs';
import { figure, ms } from './lib/figures.mjs';

/** Of texts that no file was before. */
const costOfNew = (count) => {
  let texts = 0;
  return costOfEach(() => ({ text: jobs(count, `text-${(texts += 1)}`), expected: count }));
};

const libraryCost = (text) =>
  warm(() => {
    const since = process.cpuUsage();
    parseAllDocuments(text, { prettyErrors: false, uniqueKeys: false });
    return spentMs(since);
  });

const withLimit = (name, definition, limit) => {
  const took = cost(definition);
  figure(`lint and plan of ${name}`, ms(took), `<= ${limit} ms`, took <= limit);
  return took;
};

/** In a process that has done nothing else: its memory is another's burden. */
const costsInChild = async (definition) => {
  const child = fork(new URL('lib/cost-child.mjs', import.meta.url));
  child.send(definition);
  const [costs] = await once(child, 'message');
  return costs;
};

const withGrowth = async (name, small, large) => {
  const ofSmall = await costsInChild(small);
  const ofLarge = await costsInChild(large);
  const growth = ofLarge.cost / ofSmall.cost;
  const linear = ofLarge.json / ofSmall.json;
  const most = 1.2 * Math.max(10, linear);
  figure('the plans of ten times the jobs as JSON and back', `${linear.toFixed(1)} ×`, 'linear work');
  figure(`ten times the jobs, ${name}`, `${growth.toFixed(1)} ×`, `<= ${most.toFixed(1)} ×`, growth <= most);
};

/** The pipeline language alone: what a definition costs whoever asks for its plan. */
export const benchLanguage = async () => {
  const thousand = jobs(1_000);
  figure('load of the machine', loadavg()[0].toFixed(2));
  figure('the YAML library alone, 1,000 jobs written out', ms(libraryCost(thousand)), 'the floor of new texts');
  withLimit('20 jobs', { text: jobs(20), expected: 20 }, 5);
  figure('the same, of a new text each time', ms(costOfNew(20)), 'each is parsed');
  withLimit('5 jobs of 200 copies', { text: copied(5), expected: 1_000 }, 300);
  withLimit('1,000 jobs written out', { text: thousand, expected: 1_000 }, 300);
  figure('the same, of a new text each time', ms(costOfNew(1_000)), 'each is parsed');
  const included = inFiles(50, 2);
  const lines = `${included.text}${jobs(1_000)}`;
  withLimit('10,000 lines with 50 includes', { ...included, text: lines, expected: 1_100 }, 500);
  withLimit('400 jobs that share 100 long rules', { text: sharedRules(400), expected: 400 }, 500);
  await withGrowth('as copies', { text: copied(5), expected: 1_000 }, { text: copied(50), expected: 10_000 });
  const inOneFile = { ...inFiles(1, 1_000), expected: 1_000 };
  await withGrowth('written out', inOneFile, { ...inFiles(10, 1_000), expected: 10_000 });
};
