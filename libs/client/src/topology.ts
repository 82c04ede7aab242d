/** How a system under test runs: everything in one process, or each service as its own on real servers. */
export const TOPOLOGIES = ['standalone', 'distributed'] as const;
export type Topology = (typeof TOPOLOGIES)[number];

/** Where the real servers of the distributed topology are, as `infra/ci/servers env` prints it. */
export type RealServers = { redisUrl: string; kafkaBrokers: string; s3Url: string };

/** What `FOLDLINE_TEST_TOPOLOGY` asks for; standalone when it is not set. */
export const topologyAskedFor = (): Topology => {
  const asked = process.env['FOLDLINE_TEST_TOPOLOGY'] ?? 'standalone';
  const known = TOPOLOGIES.find((topology) => topology === asked);
  if (!known) throw new Error(`FOLDLINE_TEST_TOPOLOGY is ${asked}; it can be ${TOPOLOGIES.join(' or ')}`);
  return known;
};

/** Throws with the names of all settings that are missing. */
export const realServers = (): RealServers => {
  const names = ['FOLDLINE_TEST_REDIS_URL', 'FOLDLINE_TEST_KAFKA_BROKERS', 'FOLDLINE_TEST_S3_URL'] as const;
  const missing = names.filter((name) => !process.env[name]);
  if (missing.length > 0)
    throw new Error(`the distributed topology needs ${missing.join(', ')}; see \`infra/ci/servers env\``);
  const [redisUrl, kafkaBrokers, s3Url] = names.map((name) => process.env[name]!) as [string, string, string];
  return { redisUrl, kafkaBrokers, s3Url };
};

/** What a started server inherits: everything except what speaks to tests alone, which it would refuse as no setting. */
export const inheritedEnvironment = (): Record<string, string | undefined> =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !OF_TESTS.test(name)));

const OF_TESTS = /^FOLDLINE_(?:TEST_|REQUIRE_REAL$|CI_DIR$)/;
