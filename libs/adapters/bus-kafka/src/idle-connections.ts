import RequestQueue from 'kafkajs/src/network/requestQueue/index.js';

/**
 * Lets a connection to Kafka rest while it has nothing to send. Kafkajs 2.2.4 looks for requests that wait behind others,
 * or for the end of a throttling, by a timer that it sets again whether any wait or not, and that is over at once: some
 * 800 times a second in each process (its issues 1556 and 1704, both open).
 *
 * Requests that do wait are looked for as before: whatever lets one wait asks for that.
 */
const { prototype } = RequestQueue;
const schedule = prototype.scheduleCheckPendingRequests;
prototype.scheduleCheckPendingRequests = function scheduleWhatWaits(): void {
  if (this.pending.length > 0) schedule.call(this);
};
