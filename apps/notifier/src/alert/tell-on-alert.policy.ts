import { Inject, Injectable } from '@nestjs/common';
import type { AlertFired, AlertResolved, Recorded } from '@foldline/contracts';
import { TellSubscribers } from '../notification/tell-subscribers.ts';
import { alertMessage } from './alert-message.ts';

export type AlertTold = Recorded<ReturnType<typeof AlertFired> | ReturnType<typeof AlertResolved>>;

/** Subscribers of alerts are told when one begins and when it is over. */
@Injectable()
export class TellOnAlert {
  constructor(@Inject(TellSubscribers) private readonly tell: TellSubscribers) {}

  async onAlert(event: AlertTold): Promise<void> {
    await this.tell.about(event, {
      projectId: event.data.projectId,
      moment: 'alert',
      payloadFor: (kind) => alertMessage(kind, event),
    });
  }
}
