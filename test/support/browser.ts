// A real browser for tests: Debian's chromium without a window, and what a person does at the OAuth2 server of the tests.
import { type Browser, chromium, type Page } from 'playwright-core';
import { findProgram } from './services.ts';

const STEP_LIMIT_MS = 20_000;

export async function startBrowser(): Promise<Browser> {
  const executablePath = findProgram('chromium');
  if (executablePath === undefined) throw new Error('there is no chromium');
  // As root there is no sandbox to be had; what it opens is this test's own.
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
}

/** A page of a person who has no cookies yet. */
export async function newPage(browser: Browser): Promise<Page> {
  const page = await (await browser.newContext()).newPage();
  page.setDefaultTimeout(STEP_LIMIT_MS);
  return page;
}

/** Logs in as `user` and consents to what is asked, on the server's own pages. */
export async function consent(page: Page, user: string): Promise<void> {
  await page.fill('input[name=login]', user);
  await page.fill('input[name=password]', 'any will do');
  await page.click('button[type=submit]');
  await page.getByRole('button', { name: 'Continue' }).click();
}
