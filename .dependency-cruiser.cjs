// The architecture as a check: which room may import which, and where each library's one door is. See docs/architecture.md.
// `npm run deps` runs it; test/house/dependency-check.test.ts shows that it fails where it should.

/** The rooms in the order in which mail flows: a room imports only what stands before it. */
const ORDER = [
  'kernel',
  'contracts',
  'network',
  'store',
  'jobs',
  'cluster',
  'objects',
  'accounts',
  'imap',
  'mail',
  'watch',
  'rules',
  'delivery',
  'sessions',
  'policy',
  'bounces',
  'drafts',
  'domains',
  'outbound',
  'digests',
  'knowledge',
  'auth',
  'api',
  'app.ts',
  'sandbox',
  'main.ts',
];

/** Rooms beside the way of a message: they build on kernel and contracts alone. */
const ASIDE = ['config', 'telemetry', 'console'];

/** Packages, and the only places that import them (regular expressions over paths). */
const DOORS = [
  { library: 'imapflow', door: '^src/imap/' },
  // Its address parser is the one that understands what real mail writes.
  { library: 'nodemailer', door: '^src/(outbound/(smtp|mime)\\.ts$|sandbox/|mail/addresses\\.ts$)' },
  { library: 'mailauth', door: '^src/mail/trust/' },
  { library: 'tldts', door: '^src/mail/trust/' },
  { library: 'mailparser', door: '^src/mail/parse[^/]*\\.ts$' },
  { library: '@zone-eu/mailsplit', door: '^src/mail/' },
  { library: 'html-to-text', door: '^src/mail/' },
  { library: 'htmlparser2', door: '^src/(mail/|accounts/autoconfig-xml\\.ts$|knowledge/extract/xml\\.ts$)' },
  { library: 'iconv-lite', door: '^src/mail/' },
  { library: 'eld', door: '^src/mail/language\\.ts$' },
  { library: 'email-reply-parser', door: '^src/mail/' },
  { library: 'ical-generator', door: '^src/outbound/calendar-event\\.ts$' },
  { library: 'handlebars', door: '^src/outbound/template-engine\\.ts$' },
  { library: 'juice', door: '^src/outbound/template-css\\.ts$' },
  { library: 'simple-oauth2', door: '^src/accounts/oauth\\.ts$' },
  { library: 'minio', door: '^src/objects/minio\\.ts$' },
  { library: 'ioredis', door: '^src/cluster/redis\\.ts$' },
  { library: 'node-cron', door: '^src/digests/' },
  { library: 'express', door: '^src/api/http/' },
  { library: '@fastify/busboy', door: '^src/api/http/form-file\\.ts$' },
  { library: '@modelcontextprotocol/server', door: '^src/(api/mcp|sandbox)/' },
  { library: 'kysely', door: '^src/store/', typesAnywhere: true },
  { library: 'pg', door: '^src/store/' },
  { library: 'yaml', door: '^src/rules/' },
  { library: 're2js', door: '^src/rules/' },
  { library: 'pino', door: '^src/telemetry/' },
  { library: 'prom-client', door: '^src/telemetry/metrics\\.ts$' },
  { library: 'pdfjs-dist', door: '^src/knowledge/extract/pdf\\.ts$' },
  { library: 'yauzl', door: '^src/knowledge/extract/zip\\.ts$' },
  { library: 'file-type', door: '^src/knowledge/extract/detect\\.ts$' },
  { library: 'standardwebhooks', door: '^src/network/standard-webhooks\\.ts$' },
  { library: 'ai', door: '^src/sessions/model/provider\\.ts$' },
  { library: '@ai-sdk/openai-compatible', door: '^src/sessions/model/provider\\.ts$' },
  { library: '@ai-sdk/anthropic', door: '^src/sessions/model/provider\\.ts$' },
  { library: 'smtp-server', door: '^src/sandbox/' },
  { library: 'hoodiecrow-imap', door: '^src/sandbox/' },
];

const TEST = '\\.test\\.ts$';
const within = (names) =>
  `^src/(${names.map((name) => (name.endsWith('.ts') ? `${name.replace('.', '\\.')}$` : `${name}/`)).join('|')})`;
const escaped = (name) => name.replace(/[.\\/]/g, '\\$&');
const packages = (names) => `(^|/)node_modules/(@types/)?(${names.map(escaped).join('|')})/`;
const builtins = (names) => `^(node:)?(${names.join('|')})(/|$)`;

const direction = ORDER.slice(0, -1).map((room, index) => ({
  name: `direction-${room.replace('.ts', '')}`,
  comment: `${room} imports only what stands before it; what comes after is reached through a job.`,
  severity: 'error',
  from: { path: within([room]), pathNot: TEST },
  to: { path: within(ORDER.slice(index + 1)) },
}));

const doors = DOORS.map(({ library, door, typesAnywhere }) => ({
  name: `door-${library.replace(/^@[^/]+\//, '')}`,
  comment: `One library, one door: ${library} is imported in ${door} alone.`,
  severity: 'error',
  from: { path: '^src/', pathNot: [door, TEST] },
  to: { path: packages([library]), ...(typesAnywhere ? { dependencyTypesNot: ['type-only'] } : {}) },
}));

const IO = [
  ...[
    'fs',
    'net',
    'tls',
    'http',
    'https',
    'http2',
    'dgram',
    'dns',
    'child_process',
    'cluster',
    'worker_threads',
  ],
  ...['inspector', 'repl', 'readline', 'sqlite', 'os', 'process'],
];

module.exports = {
  forbidden: [
    ...direction,
    ...doors,
    {
      name: 'direction-unknown-room',
      comment: 'A new room is given its place in the list above first.',
      severity: 'error',
      from: { path: '^src/', pathNot: within([...ORDER, ...ASIDE]) },
      to: {},
    },
    {
      name: 'direction-aside',
      comment: 'config, telemetry and console build on kernel and contracts alone.',
      severity: 'error',
      from: { path: within(ASIDE), pathNot: TEST },
      to: { path: '^src/', pathNot: [...['kernel', 'contracts'].map((room) => within([room])), '^src/$1'] },
    },
    {
      name: 'direction-config',
      comment: 'Settings are handed to the parts by the composition root, never fetched.',
      severity: 'error',
      from: { path: '^src/', pathNot: [within(['config', 'app.ts', 'main.ts', 'sandbox']), TEST] },
      to: { path: within(['config']) },
    },
    {
      name: 'direction-telemetry',
      comment: "A room takes the kernel's Logger; only the root and the doors know what stands behind it.",
      severity: 'error',
      from: { path: '^src/', pathNot: [within(['telemetry', 'app.ts', 'main.ts', 'sandbox', 'api']), TEST] },
      to: { path: within(['telemetry']) },
    },
    {
      name: 'direction-console',
      comment: 'The console reaches the gateway over REST alone.',
      severity: 'error',
      from: { path: '^src/', pathNot: [within(['console']), TEST] },
      to: { path: within(['console']) },
    },
    {
      name: 'kernel-alone',
      comment: 'The kernel needs no package.',
      severity: 'error',
      from: { path: within(['kernel']), pathNot: TEST },
      to: { path: 'node_modules/' },
    },
    {
      name: 'contracts-alone',
      comment: 'Contracts import zod only, so that the console can import them.',
      severity: 'error',
      from: { path: within(['contracts']), pathNot: TEST },
      to: { pathNot: [within(['contracts']), packages(['zod'])] },
    },
    {
      name: 'pure-rooms',
      comment: 'mail, rules and policy compute: what they need is handed to them.',
      severity: 'error',
      from: {
        path: within(['mail', 'rules', 'policy']),
        pathNot: ['^src/mail/(parse[^/]*|trust/proof-[^/]*)\\.ts$', '^src/rules/(load|source)\\.ts$', TEST],
      },
      to: { path: builtins(IO) },
    },
    {
      name: 'pure-mail-parse',
      comment: 'Parsing and checking signatures may use a worker thread, and nothing else of the outside.',
      severity: 'error',
      from: { path: '^src/mail/(parse[^/]*|trust/proof-[^/]*)\\.ts$', pathNot: TEST },
      to: { path: builtins(IO.filter((name) => name !== 'worker_threads')) },
    },
    {
      name: 'pure-rules-load',
      comment: 'Loading rules reads files, and nothing else of the outside.',
      severity: 'error',
      from: { path: '^src/rules/(load|source)\\.ts$' },
      to: { path: builtins(IO.filter((name) => name !== 'fs')) },
    },
    {
      name: 'door-sqlite',
      comment: 'SQL drivers are imported in store/ alone.',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/store/', TEST] },
      to: { path: builtins(['sqlite']) },
    },
    {
      name: 'door-environment',
      comment: 'The environment is read in config/ alone; Biome forbids process.env itself.',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/config/', TEST] },
      to: { path: builtins(['process']) },
    },
    {
      name: 'no-cycles',
      comment: 'Two files that need each other are one thing, or want a third.',
      severity: 'error',
      from: { path: '^src/' },
      to: { circular: true },
    },
    {
      name: 'nothing-outside',
      comment: 'What runs stands in src/; tests may use test/support.',
      severity: 'error',
      from: { path: '^src/', pathNot: TEST },
      to: { pathNot: ['^src/', 'node_modules/'], dependencyTypesNot: ['core'] },
    },
    {
      name: 'no-test-code',
      comment: 'What runs does not import tests.',
      severity: 'error',
      from: { path: '^src/', pathNot: TEST },
      to: { path: TEST },
    },
    {
      name: 'no-unresolvable',
      comment: 'An import that leads nowhere.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'no-undeclared',
      comment: 'A package that package.json does not name works by luck.',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'deprecated'] },
    },
    {
      name: 'no-development-package',
      comment: 'A development package is not there in production; the sandbox is for development.',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/sandbox/', '^src/console/', TEST] },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'], pathNot: packages(['@types']) },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true, // a type import is a dependency too
    parser: 'tsc',
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types', 'require'],
    },
  },
};
