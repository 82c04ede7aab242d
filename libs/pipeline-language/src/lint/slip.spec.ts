import { describe, expect, it } from '@jest/globals';
import { isSlip } from './slip.ts';

describe('A slip', () => {
  it.each([
    ['DEPLOY_TRAGET', 'DEPLOY_TARGET'],
    ['DEPLOY_TARGGET', 'DEPLOY_TARGET'],
    ['DEPLOY_TAGET', 'DEPLOY_TARGET'],
    ['DEPLOY_TORGET', 'DEPLOY_TARGET'],
    ['DEPLOYTARGET', 'DEPLOY_TARGET'],
    ['DEPLOY__TARGET', 'DEPLOY_TARGET'],
    ['deploy_target', 'DEPLOY_TARGET'],
    ['CI_COMIT_SHA', 'CI_COMMIT_SHA'],
  ])('made %s of %s', (written, known) => expect(isSlip(written, known)).toBe(true));

  it.each([
    ['TARGET', 'TARGET'],
    ['CFLAGS', 'cflags'],
    ['TARGETS', 'TARGET'],
    ['TARGET', 'TARGETS'],
    ['HOST_A', 'HOST_B'],
    ['NODE1_URL', 'NODE2_URL'],
    ['IMAGE_X64', 'IMAGE_X86'],
    ['DB_HOST', 'DB_POST'],
    ['INPUT_DIR', 'OUTPUT_DIR'],
    ['SOURCE_DIR', 'SOURCE_URL'],
    ['STAGE', 'STAGING'],
    ['CI_COMMIT_SHA', 'CI_COMMIT_REF_NAME'],
    ['TRAGET_SUORCE', 'TARGET_SOURCE'],
    ['a', 'A'],
    ['__', '_'],
  ])('need not have made %s of %s', (written, known) => expect(isSlip(written, known)).toBe(false));
});
