import { existsSync } from 'node:fs';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';

export const CHROMIUM = '/usr/bin/chromium';
export const hasChromium = existsSync(CHROMIUM);

const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export interface Look {
  readonly width: number;
  readonly colours: 'dark' | 'light';
}

/** One browser with a profile of its own, for several looks. */
export async function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, headless: true, args: ARGUMENTS });
}

/** One page, with nothing left of another, and everything that it complained about. */
export class TestPage {
  readonly page: Page;
  /** Errors and warnings of the console, uncaught errors, requests that failed or went elsewhere. */
  readonly complaints: string[] = [];
  readonly #context: BrowserContext;

  private constructor(context: BrowserContext, page: Page, origin: string) {
    this.#context = context;
    this.page = page;
    page.on(
      'console',
      (message) => ['error', 'warning'].includes(message.type()) && this.complaints.push(message.text()),
    );
    page.on('pageerror', (error) => this.complaints.push(error.message));
    page.on('request', (request) => request.url().startsWith(origin) || this.complaints.push(`asked ${request.url()}`));
    page.on(
      'response',
      (response) => response.status() >= 400 && this.complaints.push(`${response.status()} for ${response.url()}`),
    );
  }

  /** Opens `url`. */
  static async open(browser: Browser, url: string, { width, colours }: Look): Promise<TestPage> {
    const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme: colours });
    const made = new TestPage(context, await context.newPage(), new URL(url).origin);
    await made.page.goto(url);
    return made;
  }

  close(): Promise<void> {
    return this.#context.close();
  }
}
