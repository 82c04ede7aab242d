import { Body, Controller, Get, HttpCode, Inject, Param, Post, Put, Query, Req, Res } from '@nestjs/common';
import {
  ALERT_DEFAULTS,
  ALERT_RULES,
  COLLECTION,
  MAX_ALERT_SAMPLE,
  problemsOfAlertRule,
  projectStream,
  type AlertDoc,
  type AlertOverride,
  type AlertRule,
  type AlertRuleName,
} from '@foldline/contracts';
import { COMMANDS, PORT, Refusal, type Clock, type Commands, type ReadStore } from '@foldline/kernel';
import { ArrayMaxSize, IsBoolean, IsIn, IsInt, IsNumber, IsOptional, Max, Min } from 'class-validator';
import type { FastifyReply, FastifyRequest } from '../http/fastify.ts';
import { ListOf } from '../http/list-of.ts';
import { answerPage, PageQuery, ReadQuery, readPage } from '../http/pages.ts';
import { Describe } from '../openapi/describe.ts';
import { projectDecider } from '../projects/project.decider.ts';
import { ProjectQueries } from '../projects/project.queries.ts';
import { RANGES, rangeStart, type RangeName } from '../statistics/statistics.queries.ts';
import { Idempotency } from '../triggers/idempotency.ts';
import { AlertQueries } from './alert.queries.ts';

const MAX_THRESHOLD = 1_000_000;
const USUAL_RANGE: RangeName = 'month';

class Thresholds {
  @IsOptional()
  @IsNumber({ allowNaN: false, allowInfinity: false })
  @Min(0)
  @Max(MAX_THRESHOLD)
  threshold?: number;

  /** How many of the newest are looked at. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(MAX_ALERT_SAMPLE)
  sample?: number;

  /** With fewer of them there is nothing to say. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(MAX_ALERT_SAMPLE)
  minimum?: number;
}

export class AlertRuleBody extends Thresholds {
  @IsIn(ALERT_RULES)
  rule!: AlertRuleName;

  @IsOptional()
  @IsBoolean()
  enabled?: boolean;
}

export class AlertRulesBody {
  @ListOf(AlertRuleBody)
  @ArrayMaxSize(ALERT_RULES.length)
  rules!: AlertRuleBody[];
}

export class BackTestBody extends Thresholds {
  static readonly isOptional = true;

  @IsOptional()
  @IsIn(RANGES)
  range?: RangeName;
}

/** Many clients send every field that they know: null says nothing. */
const wantedOf = (body: AlertRuleBody): AlertOverride =>
  Object.fromEntries(Object.entries(body).filter(([, value]) => (value ?? null) !== null)) as AlertOverride;

const ruleNamed = (name: string): AlertRuleName => {
  const rule = ALERT_RULES.find((each) => each === name);
  if (!rule) throw new Refusal('not_found', `there is no such rule; there are ${ALERT_RULES.join(', ')}`);
  return rule;
};

const alertAnswer = ({ id, rule, status, value, threshold, count, firedAt, resolvedAt }: AlertDoc) => ({
  id,
  rule,
  status,
  value,
  threshold,
  count,
  firedAt,
  resolvedAt: resolvedAt ?? null,
});

/** What a project is told about by itself. */
@Controller('api/:owner/:repo/alerts')
export class AlertsController {
  constructor(
    @Inject(COMMANDS) private readonly commands: Commands,
    @Inject(PORT.clock) private readonly clock: Clock,
    @Inject(PORT.readStore) private readonly reads: ReadStore,
    @Inject(Idempotency) private readonly idempotency: Idempotency,
    @Inject(ProjectQueries) private readonly projects: ProjectQueries,
    @Inject(AlertQueries) private readonly alerts: AlertQueries,
  ) {}

  @Get()
  @Describe('Shows the alert rules of the project, and which of them hold', {
    answer: 'Each rule with its threshold, how many it looks at, and the alert that goes on, if one does',
  })
  async show(@Param('owner') owner: string, @Param('repo') repo: string, @Query() _query: ReadQuery) {
    const { id } = await this.projects.named(owner, repo);
    const [rules, firing] = await Promise.all([this.alerts.rules(id), this.alerts.firing(id)]);
    const shown = ALERT_RULES.map((rule) => {
      const alert = firing.get(rule);
      return { rule, ...rules[rule], status: alert ? 'firing' : 'ok', alert: alert ? alertAnswer(alert) : null };
    });
    return { rules: shown };
  }

  @Put()
  @Describe(
    'Sets the alert rules that are to be otherwise than by default; rules that are not named are as by default',
    {
      answer: 'All rules as they are from now on',
    },
  )
  async set(
    @Param('owner') owner: string,
    @Param('repo') repo: string,
    @Body() body: AlertRulesBody,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { id: projectId } = await this.projects.named(owner, repo);
    const { cause } = this.idempotency.unnamed();
    const command = { type: 'SetAlertRules', projectId, rules: body.rules.map(wantedOf) } as const;
    const { position, state } = await this.commands.handle(projectStream(projectId), projectDecider, command, cause);
    void reply.header('x-event-position', String(position));
    return { rules: ALERT_RULES.map((rule) => ({ rule, ...state.alertRules[rule] })), position };
  }

  @Get('history')
  @Describe('Lists the alerts of the project, newest first')
  async history(
    @Param('owner') owner: string,
    @Param('repo') repo: string,
    @Query() query: PageQuery,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { id } = await this.projects.named(owner, repo);
    const list = { collection: COLLECTION.alerts, index: 'byProject', prefix: `${id}/`, reverse: true };
    return answerPage(await readPage<AlertDoc>(this.reads, list, query), alertAnswer, request, reply);
  }

  @Post(':rule/back-test')
  @HttpCode(200)
  @Describe('Tells when a rule would have held in the past, before it is set', {
    answer: 'The times at which it would have fired and been resolved, in their order; nothing is stored',
  })
  async backTest(
    @Param('owner') owner: string,
    @Param('repo') repo: string,
    @Param('rule') name: string,
    @Body() { range = USUAL_RANGE, ...wanted }: BackTestBody,
  ) {
    const rule = ruleNamed(name);
    const project = await this.projects.named(owner, repo);
    const to = this.clock.now();
    const from = rangeStart(to, range);
    const tried: AlertRule = { ...(await this.alerts.rules(project.id))[rule], ...wanted, enabled: true };
    const errors = problemsOfAlertRule(rule, tried).map(({ field, message }) => ({ pointer: `/${field}`, message }));
    if (errors.length > 0) throw new Refusal('invalid_request', 'this rule cannot be', { errors });
    const { firings, isWhole } = await this.alerts.tried(project, rule, tried, from);
    const { threshold, sample, minimum } = tried;
    return { rule, threshold, sample, minimum, default: ALERT_DEFAULTS[rule], from, to, complete: isWhole, firings };
  }
}
