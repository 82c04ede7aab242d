import { COLLECTION } from '@foldline/contracts';

const PAGE = 1000;

/** Every event of a log, in its order. */
export const allEvents = async (log) => {
  const events = [];
  for (;;) {
    const page = await log.readAll({ after: events.at(-1)?.position ?? 0, limit: PAGE });
    events.push(...page);
    if (page.length < PAGE) return events;
  }
};

const allDocuments = async (reads, collection) => {
  const found = [];
  for (let after = ''; ;) {
    const page = await reads.scan(collection, after, PAGE);
    found.push(...page.map(({ doc }) => doc));
    if (page.length < PAGE) return found;
    after = page.at(-1).id;
  }
};

/** Artifacts that are shown as available, the newest entry of each cache key, and what snapshots hold that were not pruned. */
export const shownTrees = async (reads) => {
  const artifacts = (await allDocuments(reads, COLLECTION.artifacts)).filter(({ status }) => status === 'available');
  const kept = (await allDocuments(reads, COLLECTION.snapshots)).filter(({ prunedAt }) => prunedAt === undefined);
  const snapshots = kept.flatMap(({ id, manifestDigest, trees }) =>
    [...trees, ...(manifestDigest === undefined ? [] : [{ manifestDigest }])].map((tree) => ({ ...tree, id })),
  );
  return [...artifacts, ...(await allDocuments(reads, COLLECTION.caches)), ...snapshots];
};
