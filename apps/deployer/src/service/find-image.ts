import type { WantedDeployment } from '@foldline/contracts';
import { ImageFailure, registryOf, type Images, type KnownImage, type RegistryLogins } from '@foldline/kernel';

const HUB = 'docker.io';
const QUIET = { onOutput: () => undefined };
const isDenial = ({ reason }: ImageFailure): boolean => reason === 'image_access_denied';

/**
 * The image of a deployment (S2-29): what is pushed comes from its registry, and where none has it or answers, the one
 * that is here is as good, so that a rollback needs nobody; but not where a registry does not let us in. Throws its
 * `ImageFailure`, or that of the first place.
 */
export const findImage = async (
  { imageTag, imageId, images: places }: Pick<WantedDeployment, 'imageTag' | 'images' | 'imageId'>,
  images: Images,
  logins: RegistryLogins,
  signal: AbortSignal,
): Promise<{ image: string } & KnownImage> => {
  const isHere = async (image: string) => {
    const found = await images.find(image);
    return found && { image, ...found };
  };
  // What ran before comes again as it was, whatever its name means today.
  const same = imageId === undefined ? undefined : await images.find(imageId);
  if (same) return { image: imageTag, ...same };
  // What names no registry may have been built here, and Docker Hub knows nothing of that.
  const isOurs = places.includes(imageTag) && registryOf(imageTag) === HUB;
  const local = isOurs ? await isHere(imageTag) : undefined;
  if (local) return local;
  let failure: ImageFailure | undefined;
  for (const place of places) {
    try {
      return { image: place, ...(await images.pull(place, logins, { ...QUIET, signal })) };
    } catch (error) {
      if (!(error instanceof ImageFailure)) throw error;
      if (!failure || isDenial(error)) failure = error;
    }
  }
  if (failure && isDenial(failure)) throw failure;
  for (const image of [...places, imageTag]) {
    const found = await isHere(image);
    if (found) return found;
  }
  throw failure;
};
