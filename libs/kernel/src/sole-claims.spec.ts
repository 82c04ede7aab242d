import { claimsContract } from '@foldline/testing';
import { soleClaims } from './sole-claims.ts';

claimsContract('of a sole process', async () => ({ claims: soleClaims(), close: async () => undefined }));
