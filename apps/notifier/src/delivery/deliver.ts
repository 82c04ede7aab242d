import { Inject, Injectable } from '@nestjs/common';
import { notificationStream, subscriptionStream } from '@foldline/contracts';
import {
  COMMANDS,
  derivedId,
  PermanentError,
  PORT,
  Refusal,
  TransientError,
  type Clock,
  type Commands,
  type OutboundHttp,
  type PostAnswer,
  type SecretBox,
  signingKeyOf,
} from '@foldline/kernel';
import {
  notificationDecider,
  PAUSES_MS,
  type Notification,
  type NotificationCommand,
  type TryResult,
} from '../notification/notification.decider.ts';
import { subscriptionDecider } from '../subscription/subscription.decider.ts';
import { signatureHeaders } from './webhook-signature.ts';

const DEADLINE_MS = 5_000;

/** Brings one notification to its receiver. Its stream says what was tried, so a restart goes on where it was. */
@Injectable()
export class Deliver {
  constructor(
    @Inject(COMMANDS) private readonly commands: Commands,
    @Inject(PORT.clock) private readonly clock: Clock,
    @Inject(PORT.secretBox) private readonly box: SecretBox,
    @Inject(PORT.outboundHttp) private readonly http: OutboundHttp,
  ) {}

  /** Milliseconds until the next try is due, counted from the last one; `undefined` when there is none. */
  async pauseBefore(notificationId: string): Promise<number | undefined> {
    const { status, attempts } = await this.stateOf(notificationId);
    if (status !== 'pending') return undefined;
    return attempts === 0 ? 0 : (PAUSES_MS[attempts - 1] ?? 0);
  }

  /** Tries once and records what came of it. */
  async tryOnce(notificationId: string): Promise<void> {
    const { status, attempts, notification } = await this.stateOf(notificationId);
    if (status !== 'pending' || !notification) return;
    const attempt = attempts + 1;
    const command = await this.outcomeOf(notification, attempt);
    await this.commands.handle(notificationStream(notificationId), notificationDecider, command, {
      id: derivedId('try', notificationId, String(attempt)),
      correlationId: notification.pipelineId ?? notificationStream(notificationId),
      actor: { kind: 'system', id: 'notifier' },
    });
  }

  private stateOf(notificationId: string) {
    return this.commands.stateOf(notificationStream(notificationId), notificationDecider);
  }

  private async outcomeOf(notification: Notification, attempt: number): Promise<NotificationCommand> {
    const stream = subscriptionStream(notification.subscriptionId);
    if ((await this.commands.stateOf(stream, subscriptionDecider)).status === 'removed') {
      return { type: 'AbandonNotification', because: 'its subscription was removed' };
    }
    const started = this.clock.monotonic();
    try {
      const answer = await this.send(notification);
      const durationMs = Math.round(this.clock.monotonic() - started);
      const result: TryResult = { ...answer, durationMs };
      return { type: 'RecordTry', attempt, result };
    } catch (error) {
      if (error instanceof Refusal || error instanceof PermanentError) {
        return { type: 'AbandonNotification', because: error.message };
      }
      throw error;
    }
  }

  private async send({
    notificationId,
    subscriptionId,
    projectId,
    channel,
    payload,
  }: Notification): Promise<PostAnswer> {
    const address = this.box.open(channel.sealedUrl, `project:${projectId}:subscription:${subscriptionId}`);
    const body = JSON.stringify(payload);
    const headers = {
      'x-foldline-delivery': notificationId,
      ...(channel.kind === 'webhook' &&
        signatureHeaders(signingKeyOf(this.box, subscriptionId), notificationId, this.clock.now(), body)),
    };
    try {
      return await this.http.post(address, { body, headers, deadlineMs: DEADLINE_MS });
    } catch (error) {
      if (error instanceof TransientError) return { error: error.message };
      throw error;
    }
  }
}
