import { record, type Fields } from '../grammar/record.ts';
import { machine, type Machine } from './machine-keywords.ts';
import { order, type Order } from './order-keywords.ts';
import { work, type Work } from './work-keywords.ts';

/** What a job of the file says, one field per keyword. */
export type JobSettings = Work & Order & Machine;
export type JobKeyword = keyof JobSettings;

/** The language of jobs. */
export const jobFields: Fields<JobSettings> = { ...work, ...order, ...machine };
export const job = record<JobSettings>(jobFields);

export const jobKeywords = Object.keys(jobFields) as JobKeyword[];
export const isJobKeyword = (key: string): key is JobKeyword => Object.hasOwn(jobFields, key);
