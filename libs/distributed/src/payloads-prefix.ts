/** Where in the bucket the data of large events lies: apart from the artifacts, so that what expires there never takes it. */
export const PAYLOADS = 'payloads/';
