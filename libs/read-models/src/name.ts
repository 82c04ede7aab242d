/**
 * Names what these projections make of the log: a digest of their code, without comments and types. Documents that were
 * made under another name are thrown away and folded anew. `test/house/read-models.spec.ts` fails when the name no
 * longer fits the code and gives the one that does.
 */
export const READ_MODELS_NAME = 'read-models-860f5b9faa0e';
