import { z } from 'zod';
import { Refusal } from '@foldline/kernel';

const address = z.string().max(2048);
const payload = z.object({
  ref: z.string().max(1024),
  before: z
    .string()
    .regex(/^[0-9a-f]{40}$/)
    .optional(),
  after: z.string().regex(/^[0-9a-f]{40}$/),
  deleted: z.boolean().optional(),
  repository: z.object({
    full_name: z.string().max(512),
    clone_url: address.optional(),
    ssh_url: address.optional(),
  }),
});

/** What a push means to us: either a commit of a branch or tag, or the reason why it starts nothing. */
export type Push =
  | { starts: false; because: string }
  | {
      starts: true;
      ref: { name: string; kind: 'branch' | 'tag' };
      sha: string;
      before?: string;
      repository: { fullName: string; urls: string[] };
    };

const REF = /^refs\/(heads|tags)\/(.+)$/;
/** Names that git itself allows; a name that begins with a hyphen would read as an option somewhere. */
const SAFE_NAME = /^(?!-)(?!.*\.\.)[^\p{Cc} ~^:?*[\\]{1,255}$/u;

/** Reads a push payload of GitHub. Throws `Refusal` of code `malformed_payload` when its shape is not that of a push. */
export const readPush = (body: unknown): Push => {
  const parsed = payload.safeParse(body);
  if (!parsed.success) {
    const errors = parsed.error.issues.map(({ path, message }) => ({ pointer: `/${path.join('/')}`, message }));
    throw new Refusal('malformed_payload', 'this is not a push payload', { errors });
  }
  const { ref, before, after, deleted, repository } = parsed.data;
  const [, kind, name] = REF.exec(ref) ?? [];
  if (name === undefined) return { starts: false, because: `${ref} is neither a branch nor a tag` };
  if (!SAFE_NAME.test(name)) return { starts: false, because: 'the name of the ref is not accepted' };
  if (deleted === true || /^0+$/.test(after)) return { starts: false, because: `${ref} was deleted` };
  const urls = [repository.clone_url, repository.ssh_url].filter((url) => url !== undefined);
  return {
    starts: true,
    ref: { name, kind: kind === 'heads' ? 'branch' : 'tag' },
    sha: after,
    ...(before === undefined ? {} : { before }),
    repository: { fullName: repository.full_name, urls },
  };
};
