import { appended, batchAppended, batchFailed, batchTooLarge, batchWrongVersion } from './messages.mjs';
import { nameOf, proposedEvent, wrongVersion } from './messages.mjs';
import { internal, invalid, missingProperty, tooLarge } from './refusals.mjs';

const expectedOf = (options, revision) => {
  if (options.hasAny()) return 'any';
  if (options.hasNoStream()) return 'no-stream';
  if (options.hasStreamExists()) return 'stream-exists';
  return Number(revision(options));
};

const sizeOf = ({ type, data, metadata }) => data.length + metadata.length + 2 * type.length;

/** Collects what one append proposes; `refused` is the reason why it cannot be stored, if there is one. */
class Proposal {
  options;
  events = [];
  bytes = 0;
  refused;

  constructor(maximum) {
    this.maximum = maximum;
  }

  add(message) {
    if (this.refused) return;
    const event = proposedEvent(message);
    if (!event.type || !event.contentType) this.refused = missingProperty();
    else if (!event.id) this.refused = invalid('an event has no id');
    else if ((this.bytes += sizeOf(event)) > this.maximum) this.refused = tooLarge(this.maximum);
    else this.events.push(event);
  }
}

const append = (log, maximum) => (call, answer) => {
  const proposal = new Proposal(maximum);
  let cancelled = false;
  call.on('cancelled', () => (cancelled = true));
  call.on('data', (request) => {
    if (request.hasOptions()) proposal.options = request.getOptions();
    else proposal.add(request.getProposedMessage());
  });
  call.on('end', async () => {
    // Half an append is no append.
    if (cancelled) return;
    if (proposal.refused) return answer(proposal.refused);
    if (!proposal.options) return answer(invalid('an append begins with its options'));
    const stream = nameOf(proposal.options.getStreamIdentifier());
    const expected = expectedOf(proposal.options, (options) => options.getRevision());
    try {
      const result = await log.append(stream, proposal.events, expected);
      answer(null, 'wrong' in result ? wrongVersion(result.wrong, expected) : appended(result));
    } catch (error) {
      answer(error.name === 'PermanentError' ? invalid(error.message) : internal(error));
    }
  });
};

const appendBatch = async (log, { options, events, refused, maximum }, correlationId) => {
  const stream = nameOf(options.getStreamIdentifier());
  if (refused) return batchTooLarge(correlationId, stream, maximum);
  const expected = expectedOf(options, (one) => one.getStreamPosition());
  try {
    const result = await log.append(stream, events, expected);
    if ('wrong' in result) return batchWrongVersion(correlationId, stream, result.wrong, expected);
    return batchAppended(correlationId, stream, result);
  } catch (error) {
    internal(error);
    return batchFailed(correlationId, stream);
  }
};

const batchAppend = (log, maximum) => (call) => {
  const open = new Map();
  const answering = new Set();
  call.on('data', (request) => {
    const id = request.getCorrelationId().getString();
    const proposal = open.get(id) ?? new Proposal(maximum);
    open.set(id, proposal);
    if (request.hasOptions()) proposal.options = request.getOptions();
    for (const message of request.getProposedMessagesList()) proposal.add(message);
    if (!request.getIsFinal()) return;
    open.delete(id);
    const answered = appendBatch(log, proposal, request.getCorrelationId()).then((response) => {
      if (!call.cancelled) call.write(response);
      answering.delete(answered);
    });
    answering.add(answered);
  });
  call.on('end', () => Promise.all(answering).then(() => call.end()));
};

export const appends = (log, maximum) => ({ append: append(log, maximum), batchAppend: batchAppend(log, maximum) });
