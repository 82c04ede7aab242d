import { viewersSawTheLog as sawAllOfIt } from '../../faults/checks/bytes.checks.mjs';
import { ofType } from '../../faults/checks/events.mjs';

/**
 * I8: what a viewer was shown is in the log at the same place. Of a runner that was lost with its disk only that is kept
 * which it had uploaded; what it had sent to viewers besides is shown and gone.
 */
export const viewersSawTheLog = ({ events, logs, seen }) => {
  const seals = ofType(events, 'LogSealed').map(({ data }) => data);
  const cut = new Set(seals.filter(({ complete }) => !complete).map(({ attemptId }) => attemptId));
  const ofTheCut = seen
    .filter(({ attemptId }) => cut.has(attemptId))
    .map((look) => {
      const kept = logs.get(look.attemptId)?.bytes.length ?? 0;
      return { ...look, bytes: look.bytes.subarray(0, Math.max(0, kept - look.offset)), complete: false };
    });
  return sawAllOfIt({ logs, seen: [...seen.filter(({ attemptId }) => !cut.has(attemptId)), ...ofTheCut] });
};
