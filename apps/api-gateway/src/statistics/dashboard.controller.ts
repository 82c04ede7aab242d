import { Controller, Get, Header } from '@nestjs/common';
import { Public } from '../http/bearer.guard.ts';
import { Describe } from '../openapi/describe.ts';
import { DASHBOARD_POLICY, dashboardPage } from './dashboard-page.ts';
import { DASHBOARD_SCRIPT } from './dashboard-script.ts';
import { DASHBOARD_STYLE } from './dashboard-style.ts';

/** The figures of `GET /metrics` as a page that keeps itself current. Public, because it holds none of them. */
@Controller('dashboard')
@Public()
export class DashboardController {
  private readonly html = dashboardPage();

  @Get()
  @Header('content-type', 'text/html; charset=utf-8')
  @Header('content-security-policy', DASHBOARD_POLICY)
  @Describe('The figures of `GET /metrics` as a page, which asks for the token', { produces: ['text/html'] })
  page(): string {
    return this.html;
  }

  @Get('script.js')
  @Header('content-type', 'text/javascript; charset=utf-8')
  @Describe('What the dashboard runs', { produces: ['text/javascript'] })
  script(): string {
    return DASHBOARD_SCRIPT;
  }

  @Get('style.css')
  @Header('content-type', 'text/css; charset=utf-8')
  @Describe('What the dashboard looks like', { produces: ['text/css'] })
  style(): string {
    return DASHBOARD_STYLE;
  }
}
