import { aroundAppends, aroundCommits, aroundHandlers, aroundOutlet, aroundSpawns } from './around.mjs';

/** Where a service may die: between what it does and what says that it was done. */
export const FAILPOINTS = {
  'append.before': 'decided, nothing stored',
  'append.after': 'stored, nobody was told',
  'produce.before': 'received from the log, not published',
  'produce.after': 'published, not noted',
  'checkpoint.before': 'acknowledged by Kafka, the checkpoint is old',
  'checkpoint.after': 'the checkpoint is new',
  'handle.before': 'an event has arrived',
  'handle.after': 'its effect is done, nothing is committed',
  'commit.before': 'done, about to be committed',
  'commit.after': 'committed',
  'spawn.before': 'the start of an attempt is recorded, its shell is not there',
  'spawn.after': 'its shell is there, nobody knows its number',
};

/** Kills this process, as `kill -9` does, at the n-th time that it comes past the point. */
export const failpoints = (point, passage) => {
  let passages = 0;
  const at = (name) => {
    if (name === point && (passages += 1) === passage) process.kill(process.pid, 'SIGKILL');
  };
  const passing = async (name, work) => {
    at(`${name}.before`);
    const result = await work();
    at(`${name}.after`);
    return result;
  };
  aroundAppends((append, ...args) => passing('append', () => append(...args)));
  aroundHandlers((_event, _group, work) => passing('handle', work));
  aroundCommits((commit) => passing('commit', commit));
  aroundSpawns((start, ...given) => passing('spawn', () => start(...given)));
  aroundOutlet(({ openPublisher, checkpoints }) => ({
    openPublisher: async () => {
      const publisher = await openPublisher();
      return {
        publish: (batch) => passing('produce', () => publisher.publish(batch)),
        close: () => publisher.close(),
      };
    },
    checkpoints: {
      load: (name) => checkpoints.load(name),
      save: (checkpoint) => passing('checkpoint', () => checkpoints.save(checkpoint)),
      close: () => checkpoints.close(),
    },
  }));
};
