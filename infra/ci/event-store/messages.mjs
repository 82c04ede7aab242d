import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
// The client's own copy: a message is known only to the copy that made it.
const requireOfClient = createRequire(require.resolve('@eventstore/db-client'));
const { Any } = requireOfClient('google-protobuf/google/protobuf/any_pb');
const google = requireOfClient('google-protobuf/google/protobuf/empty_pb');
const shared = require('@eventstore/db-client/generated/shared_pb');
const { Status } = require('@eventstore/db-client/generated/status_pb');
const { AppendResp, BatchAppendResp, ReadResp } = require('@eventstore/db-client/generated/streams_pb');

// Numbers of 64 bits are strings in these messages; a number in their place is taken for 0 without a word.
const TICKS_PER_MILLISECOND = 10_000n;

export const nameOf = (identifier) => Buffer.from(identifier.getStreamName_asU8()).toString('utf8');

const identifierOf = (stream) => {
  const identifier = new shared.StreamIdentifier();
  identifier.setStreamName(new Uint8Array(Buffer.from(stream, 'utf8')));
  return identifier;
};

export const proposedEvent = (message) => ({
  id: message.getId()?.getString() ?? '',
  type: message.getMetadataMap().get('type'),
  contentType: message.getMetadataMap().get('content-type'),
  data: message.getData_asU8(),
  metadata: message.getCustomMetadata_asU8(),
});

const recorded = (event) => {
  const record = new ReadResp.ReadEvent.RecordedEvent();
  const id = new shared.UUID();
  id.setString(event.id);
  record.setId(id);
  record.setStreamIdentifier(identifierOf(event.stream));
  record.setStreamRevision(String(event.revision));
  record.setPreparePosition(String(event.position));
  record.setCommitPosition(String(event.position));
  record.setData(new Uint8Array(event.data));
  record.setCustomMetadata(new Uint8Array(event.metadata));
  record
    .getMetadataMap()
    .set('type', event.type)
    .set('content-type', event.contentType)
    .set('created', String(BigInt(event.created) * TICKS_PER_MILLISECOND));
  return record;
};

const answer = (fill) => {
  const response = new ReadResp();
  fill(response);
  return response;
};

export const eventRead = (event) =>
  answer((response) => {
    const read = new ReadResp.ReadEvent();
    read.setEvent(recorded(event));
    read.setCommitPosition(String(event.position));
    response.setEvent(read);
  });

export const streamNotFound = (stream) =>
  answer((response) => {
    const notFound = new ReadResp.StreamNotFound();
    notFound.setStreamIdentifier(identifierOf(stream));
    response.setStreamNotFound(notFound);
  });

export const confirmation = (id) =>
  answer((response) => {
    const confirmed = new ReadResp.SubscriptionConfirmation();
    confirmed.setSubscriptionId(id);
    response.setConfirmation(confirmed);
  });

export const caughtUp = () => answer((response) => response.setCaughtUp(new ReadResp.CaughtUp()));

export const checkpoint = (position) =>
  answer((response) => {
    const reached = new ReadResp.Checkpoint();
    reached.setCommitPosition(String(position));
    reached.setPreparePosition(String(position));
    response.setCheckpoint(reached);
  });

export const appended = ({ revision, position }) => {
  const success = new AppendResp.Success();
  if (revision < 0) success.setNoStream(new shared.Empty());
  else success.setCurrentRevision(String(revision));
  if (position === undefined) success.setNoPosition(new shared.Empty());
  else {
    const place = new AppendResp.Position();
    place.setCommitPosition(String(position));
    place.setPreparePosition(String(position));
    success.setPosition(place);
  }
  const response = new AppendResp();
  response.setSuccess(success);
  return response;
};

export const wrongVersion = (current, expected) => {
  const wrong = new AppendResp.WrongExpectedVersion();
  if (current < 0) wrong.setCurrentNoStream(new shared.Empty());
  else wrong.setCurrentRevision(String(current));
  if (expected === 'any') wrong.setExpectedAny(new shared.Empty());
  else if (expected === 'stream-exists') wrong.setExpectedStreamExists(new shared.Empty());
  else if (expected === 'no-stream') wrong.setExpectedNoStream(new shared.Empty());
  else wrong.setExpectedRevision(String(expected));
  const response = new AppendResp();
  response.setWrongExpectedVersion(wrong);
  return response;
};

const batchAnswer = (correlationId, stream, fill) => {
  const response = new BatchAppendResp();
  response.setCorrelationId(correlationId);
  response.setStreamIdentifier(identifierOf(stream));
  fill(response);
  return response;
};

export const batchAppended = (correlationId, stream, { revision, position }) =>
  batchAnswer(correlationId, stream, (response) => {
    const success = new BatchAppendResp.Success();
    if (revision < 0) success.setNoStream(new google.Empty());
    else success.setCurrentRevision(String(revision));
    if (position === undefined) success.setNoPosition(new google.Empty());
    else {
      const place = new shared.AllStreamPosition();
      place.setCommitPosition(String(position));
      place.setPreparePosition(String(position));
      success.setPosition(place);
    }
    response.setSuccess(success);
  });

const failedBatch = (correlationId, stream, name, details) =>
  batchAnswer(correlationId, stream, (response) => {
    const packed = new Any();
    packed.pack(details.serializeBinary(), name);
    const status = new Status();
    status.setMessage(name);
    status.setDetails(packed);
    response.setError(status);
  });

export const batchWrongVersion = (correlationId, stream, current, expected) => {
  const wrong = new shared.WrongExpectedVersion();
  if (current < 0) wrong.setCurrentNoStream(new google.Empty());
  else wrong.setCurrentStreamRevision(String(current));
  if (expected === 'any') wrong.setExpectedAny(new google.Empty());
  else if (expected === 'stream-exists') wrong.setExpectedStreamExists(new google.Empty());
  else if (expected === 'no-stream') wrong.setExpectedNoStream(new google.Empty());
  else wrong.setExpectedStreamPosition(String(expected));
  return failedBatch(correlationId, stream, 'event_store.client.WrongExpectedVersion', wrong);
};

export const batchTooLarge = (correlationId, stream, maximum) => {
  const details = new shared.MaximumAppendSizeExceeded();
  details.setMaxappendsize(maximum);
  return failedBatch(correlationId, stream, 'event_store.client.MaximumAppendSizeExceeded', details);
};

export const batchFailed = (correlationId, stream) =>
  failedBatch(correlationId, stream, 'event_store.client.Unknown', new shared.Unknown());
