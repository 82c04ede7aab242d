import { soleClaimsContract } from '@foldline/testing';
import { soleClaims } from './sole-claims.ts';

soleClaimsContract('of a sole process', async () => ({ claims: soleClaims(), close: async () => undefined }));
