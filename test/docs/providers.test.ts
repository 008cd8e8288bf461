// docs/providers.md says what the presets say. After a change that is meant: UPDATE_DOCS=1 node --test on this file.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { providerPresets } from '../../src/accounts/providers.ts';
import type { ProviderView } from '../../src/contracts/provider.ts';
import { PROJECT } from './blocks.ts';

const FILE = join(PROJECT, 'docs/providers.md');
const MARK = '<!-- written by test/docs/providers.test.ts from the presets -->\n';
const PASSWORDS = {
  account: "the account's own",
  app_password: 'an app password',
  authorisation_code: 'an authorisation code',
  none: 'none',
} as const;

const endpoint = (host: string | undefined, { port, security }: ProviderView['imap']): string =>
  `${host ?? 'yours'}:${port} ${security === 'tls' ? 'TLS' : 'STARTTLS'}`;

function overview(): string {
  const rows = providerPresets().map((preset) => {
    const [hosts] = preset.hosts;
    return [
      `[${preset.name}](#${anchor(preset.name)})`,
      `\`${preset.id}\``,
      endpoint(hosts?.imap, preset.imap),
      endpoint(hosts?.smtp, preset.smtp),
      PASSWORDS[preset.password.kind],
      preset.oauth2 ? `\`${preset.oauth2.provider}\`` : 'no',
      preset.sent_copy,
      preset.idle_reissue_ms === null ? '25 min' : seconds(preset.idle_reissue_ms),
    ].join(' | ');
  });
  return [
    '## All of them',
    '',
    '| provider | `provider` | IMAP | SMTP | password | OAuth2 | Sent | an IDLE lasts |',
    '| --- | --- | --- | --- | --- | --- | --- | --- |',
    ...rows.map((row) => `| ${row} |`),
  ].join('\n');
}

const LIMITS: Readonly<Record<keyof ProviderView['limits'], string>> = {
  messages_per_day: 'mails a day',
  recipients_per_day: 'recipients a day',
  recipients_per_message: 'recipients of a mail',
  messages_per_minute: 'mails a minute',
  message_bytes: 'bytes of a mail',
  imap_connections: 'IMAP connections',
  smtp_connections: 'SMTP connections',
};

function chapter(preset: ProviderView): string {
  const { hosts, password, oauth2, limits, setup, notes, id_command: id } = preset;
  const known = Object.entries(LIMITS).flatMap(([key, words]) => {
    const value = limits[key as keyof typeof limits];
    return value === null ? [] : [`${value.toLocaleString('en')} ${words}`];
  });
  return [
    `## ${preset.name}`,
    '',
    ...setup.map((step, index) => `${index + 1}. ${step}`),
    '',
    ...hosts.map(
      ({ imap, smtp, domains, mx }) =>
        `- \`${imap}\` and \`${smtp}\`${domains.length > 0 ? ` for ${domains.map((name) => (name.startsWith('.') ? `names below ${name.slice(1)}` : name)).join(', ')}` : ''}${mx.length > 0 ? `${domains.length > 0 ? ', and' : ' for'} domains whose MX is in ${mx.join(', ')}` : ''}.`,
    ),
    `- Password: ${PASSWORDS[password.kind]}${password.page ? `, from <${password.page}>` : ''}.`,
    ...(oauth2
      ? [
          `- OAuth2${oauth2.preferred ? ' (the better way)' : ''}: provider \`${oauth2.provider}\`, scopes ${oauth2.scopes.map((scope) => `\`${scope}\``).join(', ')}${oauth2.by_urls ? `; name \`authorize_url\` <${oauth2.authorize_url}>, \`token_url\` <${oauth2.token_url}> and the scopes in \`auth\`` : ''}.`,
        ]
      : []),
    ...(id === 'required'
      ? ['- The server hears an ID command after each sign-in: it refuses strangers.']
      : []),
    ...(known.length > 0 ? [`- At most ${known.join(', ')}.`] : []),
    ...notes.map((note) => `- ${note}`),
  ].join('\n');
}

const seconds = (ms: number): string => (ms % 60_000 === 0 ? `${ms / 60_000} min` : `${ms / 1_000} s`);
const anchor = (title: string): string =>
  title
    .toLowerCase()
    .replace(/[^\p{L}\p{N} -]/gu, '')
    .replaceAll(' ', '-');

it('docs/providers.md says what the presets say', () => {
  const page = readFileSync(FILE, 'utf8');
  const [intro] = page.split(MARK);
  assert.ok(intro && page.includes(MARK), 'the mark is gone');
  const whole = `${intro}${MARK}\n${[overview(), ...providerPresets().map(chapter)].join('\n\n')}\n`;
  if (process.env.UPDATE_DOCS) writeFileSync(FILE, whole);
  assert.equal(readFileSync(FILE, 'utf8'), whole, 'docs/providers.md is another now');
});
