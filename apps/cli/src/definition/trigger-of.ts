import { basename } from 'node:path';
import { isPlainRef } from '@foldline/kernel';
import { SOURCE_OF_EVENT, type PlanEvent, type Trigger } from '@foldline/pipeline-language';
import { CommandFailure, EXIT } from '../command-failure.ts';
import { workingCopyAt } from './working-copy.ts';

type Variables = Record<string, string>;
/** What a pipeline is asked for with. */
export type For = {
  event: PlanEvent;
  branch?: string;
  tag?: string;
  before?: string;
  variable: Variables;
  projectVariable: Variables;
  maskedVariable: Variables;
};

/** As a server would be asked; of the repository it knows what git says, and calls it after its directory. */
export const triggerOf = async (root: string, asked: For): Promise<Trigger> => {
  const { event, branch, tag, variable, projectVariable, maskedVariable } = asked;
  if (event === 'tag' && tag === undefined) throw new CommandFailure(EXIT.usage, '--event tag needs --tag');
  if (branch !== undefined && tag !== undefined)
    throw new CommandFailure(EXIT.usage, 'a pipeline is for a branch or for a tag: give --branch or --tag');
  const { sha, message, branch: checkedOut, defaultBranch = 'main' } = await workingCopyAt(root);
  const given = tag ?? branch;
  if (given !== undefined && !isPlainRef(given))
    throw new CommandFailure(EXIT.usage, `"${given}" is no plain name of a branch or tag`);
  const name = given ?? checkedOut ?? defaultBranch;
  return {
    ref: { name, kind: tag === undefined ? 'branch' : 'tag', protected: tag === undefined && name === defaultBranch },
    source: SOURCE_OF_EVENT[event],
    variables: variable,
    sealed: [...sealed(projectVariable, false), ...sealed(maskedVariable, true)],
    project: { id: basename(root), owner: 'local', name: basename(root), url: root, defaultBranch },
    ...(sha && { sha }),
    ...(message && { message }),
  };
};

const sealed = (given: Variables, masked: boolean): NonNullable<Trigger['sealed']>[number][] =>
  Object.entries(given).map(([name, value]) => ({ name, masked, value }));
