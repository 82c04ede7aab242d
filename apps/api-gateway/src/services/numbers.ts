import { Inject, Injectable } from '@nestjs/common';
import { NumberTaken, numberStream, type NumberKind } from '@foldline/contracts';
import { COMMANDS, PORT, type Cause, type Commands, type Ids } from '@foldline/kernel';

/**
 * Numbers that people count by: 1, 2, 3 … Each is the place of an event in a stream that only counts, so nobody locks a
 * counter, and a number stays what it is wherever the log goes. One that nobody uses in the end is left out.
 */
@Injectable()
export class Numbers {
  constructor(
    @Inject(COMMANDS) private readonly commands: Commands,
    @Inject(PORT.ids) private readonly ids: Ids,
  ) {}

  async next(kind: NumberKind, of: string, cause: Cause): Promise<number> {
    // Whoever repeats a request takes another number: the place of the first may be anywhere by now.
    const once = { ...cause, id: `${cause.id}:${this.ids.next()}` };
    const { revision } = await this.commands.place(numberStream(kind), NumberTaken({ of }), once);
    return revision + 1;
  }
}
