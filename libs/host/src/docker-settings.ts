import type { Settings } from '@foldline/kernel';
import { NO_DOCKER } from './setting-values.ts';
import { bytesIn } from './setting-values.ts';
import type { SettingValues } from './settings-table.ts';

/** What cannot be, in words for who has set it. */
export const warmProblems = ({
  FOLDLINE_WARM_IMAGES: images = [],
  FOLDLINE_WARM_CONTAINERS: size,
}: SettingValues): string[] =>
  images.length > size
    ? [`FOLDLINE_WARM_IMAGES: must be no more images than FOLDLINE_WARM_CONTAINERS lets wait, which is ${size}`]
    : [];

/** What runners know of the Docker daemon of their host; nothing where there is to be none. */
export const dockerOf = (values: SettingValues): Pick<Settings, 'docker'> => {
  const { FOLDLINE_DOCKER_HOST: host, FOLDLINE_WARM_CONTAINERS: size, FOLDLINE_WARM_IMAGES: images = [] } = values;
  if (host === NO_DOCKER) return {};
  const {
    FOLDLINE_CONTAINER_MEMORY_GB: memoryGb,
    FOLDLINE_CONTAINER_CPU: cpus,
    FOLDLINE_CONTAINER_DISK_GB: diskGb,
    FOLDLINE_CONTAINER_USER: user,
  } = values;
  const policy = {
    pids: values.FOLDLINE_CONTAINER_PIDS,
    isReadOnly: values.FOLDLINE_CONTAINER_READ_ONLY,
    ...(memoryGb !== undefined && { memoryBytes: bytesIn(memoryGb) }),
    ...(diskGb !== undefined && { diskBytes: bytesIn(diskGb) }),
    ...(cpus !== undefined && { cpus }),
    ...(user !== undefined && { user }),
  };
  const inJobs = { kind: values.FOLDLINE_DOCKER_IN_JOBS, idleMs: values.FOLDLINE_DOCKER_IN_JOBS_SECONDS * 1000 };
  const warm = { size, idleMs: values.FOLDLINE_WARM_CONTAINER_SECONDS * 1000, images };
  return { docker: { host, inJobs, warm, policy } };
};
