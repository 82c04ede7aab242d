import type { ImageBuildSpec, Images, ImageWork, KnownImage, RegistryLogins } from '@foldline/kernel';

type Done = { [Call in 'build' | 'push']: (work: ImageWork) => Promise<void> };

/** Images that exist in name only; a spec says how building and pushing end. */
export class ScriptedImages implements Images {
  readonly built: ImageBuildSpec[] = [];
  readonly pushed: { reference: string; logins: RegistryLogins }[] = [];
  readonly tagged: string[] = [];
  does: Done = { build: async () => undefined, push: async () => undefined };

  async build(spec: ImageBuildSpec, work: ImageWork): Promise<{ imageId: string }> {
    this.built.push(spec);
    await this.does.build(work);
    work.signal.throwIfAborted();
    return { imageId: 'sha256:built' };
  }

  async push(reference: string, logins: RegistryLogins, work: ImageWork): Promise<{ digest: string }> {
    this.pushed.push({ reference, logins });
    await this.does.push(work);
    return { digest: 'sha256:pushed' };
  }

  async pull(): Promise<KnownImage> {
    return { id: 'sha256:pulled', digests: [] };
  }

  async tag(source: string, target: string): Promise<void> {
    this.tagged.push(`${source} ${target}`);
  }

  async find(): Promise<KnownImage | undefined> {
    return undefined;
  }
}
