export { DaemonReport, detailOf, isSilent, statusOf } from './daemon-answer.ts';
export { isDenied, isUnreachable, pullFailureOf, type PullFailureReason } from './registry-answer.ts';
