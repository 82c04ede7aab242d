import type { ServiceDoc } from '@foldline/contracts';

/** A service in the words of the build API. */
export const serviceAnswer = (doc: ServiceDoc) => ({
  id: doc.number,
  project_id: doc.projectNumber,
  name: doc.name,
  git_url: doc.gitUrl,
  branch: doc.branch,
  auto_build: doc.autoBuild,
  context_path: doc.contextPath,
  dockerfile: doc.dockerfile,
  build_args: doc.buildArgs,
  platform: doc.platform,
  build_network: doc.buildNetwork,
  image: doc.image,
  registries: doc.registries,
  ports: doc.ports.map(({ host, container }) => `${host}:${container}`),
  environment: doc.environment,
  health_check: {
    ...(doc.healthCheck.path !== undefined && { path: doc.healthCheck.path }),
    ...(doc.healthCheck.port !== undefined && { port: doc.healthCheck.port }),
    timeout_seconds: doc.healthCheck.timeoutSeconds,
  },
  created_at: doc.createdAt,
});
