import { MaintenanceRequested } from '@foldline/contracts';
import type { Decider } from '@foldline/kernel';

type Requested = ReturnType<typeof MaintenanceRequested>;

/** Everybody who may ask may ask again. */
export const maintenanceDecider: Decider<null, { type: 'RequestMaintenance' }, Requested> = {
  initialState: () => null,
  evolve: (state) => state,
  decide: () => [MaintenanceRequested({})],
};
