import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import { Describe } from '../openapi/describe.ts';
import { DeliveryMetrics, RangeQuery } from '../operations/delivery-metrics.queries.ts';
import { NumberedQueries } from './numbered.queries.ts';

/** How builds and deployments of a service do (S2-37). */
@Controller('v1/cicd/services/:id/metrics')
export class ServiceMetricsController {
  constructor(
    @Inject(NumberedQueries) private readonly numbered: NumberedQueries,
    @Inject(DeliveryMetrics) private readonly metrics: DeliveryMetrics,
  ) {}

  @Get()
  @Describe('Measures the builds and the deployments of a service that were asked for in the range, 30d by default', {
    answer:
      'Of builds and of deployments: how many by status, the success rate, the median and the 95th percentile of the ' +
      'seconds that they waited and ran, and how many wait and run now; of deployments also how many there were by day',
  })
  async show(@Param('id') id: string, @Query() query: RangeQuery) {
    const { number: service, projectNumber: project } = await this.numbered.service(id);
    return inSnakeCase(await this.metrics.of({ project, service }, query));
  }
}

/** The same in the names of the build API. */
const inSnakeCase = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(inSnakeCase);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [
      name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      inSnakeCase(each),
    ]),
  );
};
