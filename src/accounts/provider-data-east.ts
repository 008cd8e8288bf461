// Facts of providers, the second half. What is said at the top of provider-data.ts holds here too.
import type { ProviderId, ProviderPreset } from '../contracts/provider.ts';
import { NO_LIMITS, TLS_PORTS } from './provider-data.ts';
import { knownOAuth } from './provider-oauth.ts';

const MB = 1024 * 1024;
const NETEASE_IDLE_MS = 45_000; // it ends an IDLE after about 55 s
const ZOHO_REGIONS = ['com', 'eu', 'in', 'com.au', 'jp', 'com.cn'];

export const EASTERN = {
  zoho: {
    name: 'Zoho Mail',
    hosts: [
      // An address of Zoho's own has other servers than a company's domain, and every data centre has its own.
      {
        imap: 'imap.zoho.com',
        smtp: 'smtp.zoho.com',
        domains: ['zoho.com', 'zohomail.com'],
        mx: [],
      },
      { imap: 'imap.zoho.eu', smtp: 'smtp.zoho.eu', domains: ['zohomail.eu'], mx: [] },
      { imap: 'imap.zoho.in', smtp: 'smtp.zoho.in', domains: ['zohomail.in'], mx: [] },
      ...ZOHO_REGIONS.map((region) => ({
        imap: `imappro.zoho.${region}`,
        smtp: `smtppro.zoho.${region}`,
        domains: [],
        mx: [`zoho.${region}`],
      })),
    ],
    ...TLS_PORTS,
    username: 'address',
    sent_copy: 'server',
    idle_reissue_ms: null,
    id_command: 'when_offered',
    password: { kind: 'app_password', page: 'https://accounts.zoho.com/home#security/app_password' },
    oauth2: knownOAuth('zoho', false),
    limits: NO_LIMITS,
    setup: [
      'Switch IMAP access on under Settings, Mail Accounts, IMAP. Free plans may not have it.',
      'With two-factor authentication on, make an application-specific password.',
    ],
    notes: [
      'Zoho files what is sent where "Save copy of sent emails" is on (it is by default); where it is off, set sent_copy to append.',
      'For OAuth2 in another data centre than .com, name authorize_url and token_url of that one (accounts.zoho.eu, …).',
    ],
  },
  yandex: {
    name: 'Yandex Mail and Yandex 360',
    hosts: [
      {
        imap: 'imap.yandex.com',
        smtp: 'smtp.yandex.com',
        domains: ['yandex.com', 'yandex.ru', 'ya.ru', 'yandex.by', 'yandex.kz', 'narod.ru'],
        mx: ['yandex.net', 'yandex.ru'],
      },
    ],
    ...TLS_PORTS,
    username: 'address',
    sent_copy: 'append',
    idle_reissue_ms: null,
    id_command: 'when_offered',
    password: { kind: 'app_password', page: 'https://id.yandex.com/security/app-passwords' },
    oauth2: {
      provider: 'yandex',
      preferred: false,
      authorize_url: 'https://oauth.yandex.com/authorize',
      token_url: 'https://oauth.yandex.com/token',
      device_url: null,
      scopes: ['mail:imap_full', 'mail:smtp'],
      by_urls: true,
    },
    limits: { ...NO_LIMITS, recipients_per_day: 500, recipients_per_message: 35 },
    setup: [
      'Allow access from imap.yandex.com with app passwords and OAuth tokens under Settings, Email clients.',
      'Make an app password for mail.',
    ],
    notes: ['Each recipient counts as a mail of its own.'],
  },
  gmx: {
    name: 'GMX',
    hosts: [
      {
        imap: 'imap.gmx.net',
        smtp: 'mail.gmx.net',
        domains: ['gmx.de', 'gmx.net', 'gmx.at', 'gmx.ch', 'gmx.eu', 'gmx.info', 'gmx.org', 'gmx.biz'],
        mx: ['gmx.net'],
      },
      {
        imap: 'imap.gmx.com',
        smtp: 'mail.gmx.com',
        domains: ['gmx.com', 'gmx.us', 'gmx.co.uk', 'gmx.fr', 'gmx.es'],
        mx: ['gmx.com'],
      },
    ],
    ...TLS_PORTS,
    username: 'address',
    sent_copy: 'append',
    idle_reissue_ms: null,
    id_command: 'when_offered',
    password: { kind: 'account', page: null },
    oauth2: null,
    limits: NO_LIMITS,
    setup: [
      'Allow access by POP3 and IMAP in the mail settings of the web page: it is off at first.',
      'With two-factor authentication on, make an application-specific password.',
    ],
    notes: ['IMAP access may be switched off again after a long time without use.'],
  },
  'tencent-exmail': {
    name: 'Tencent Exmail (腾讯企业邮箱)',
    hosts: [
      {
        imap: 'imap.exmail.qq.com',
        smtp: 'smtp.exmail.qq.com',
        domains: [],
        mx: ['mxbiz1.qq.com', 'mxbiz2.qq.com'],
      },
    ],
    ...TLS_PORTS,
    username: 'address',
    sent_copy: 'append',
    idle_reissue_ms: null,
    id_command: 'when_offered',
    password: { kind: 'authorisation_code', page: 'https://exmail.qq.com/' },
    oauth2: null,
    limits: NO_LIMITS,
    setup: [
      'The administrator allows IMAP/SMTP for the member in the WeCom console (client access restriction).',
      'The member enables the IMAP/SMTP service in the mail settings.',
      'The member binds WeChat, switches secure login on, and makes a client-specific password (客户端专用密码): that is the password here.',
    ],
    notes: [
      'From outside China use hwimap.exmail.qq.com and hwsmtp.exmail.qq.com, on the same ports.',
      'The number of mails to strangers a day is shared by the whole company.',
    ],
  },
  qq: {
    name: 'QQ Mail and Foxmail (QQ邮箱)',
    hosts: [
      {
        imap: 'imap.qq.com',
        smtp: 'smtp.qq.com',
        domains: ['qq.com', 'vip.qq.com', 'foxmail.com'],
        mx: [],
      },
    ],
    ...TLS_PORTS,
    username: 'address',
    sent_copy: 'append',
    idle_reissue_ms: null,
    id_command: 'when_offered',
    password: { kind: 'authorisation_code', page: 'https://mail.qq.com/' },
    oauth2: null,
    limits: NO_LIMITS,
    setup: [
      'Enable the IMAP/SMTP service under Settings, Account, and make an authorisation code (授权码): that is the password here.',
    ],
    notes: ['A changed QQ password makes every authorisation code void.'],
  },
  netease: {
    name: 'NetEase 163, 126 and Yeah (网易邮箱)',
    hosts: [
      { imap: 'imap.163.com', smtp: 'smtp.163.com', domains: ['163.com'], mx: [] },
      { imap: 'imap.126.com', smtp: 'smtp.126.com', domains: ['126.com'], mx: [] },
      { imap: 'imap.yeah.net', smtp: 'smtp.yeah.net', domains: ['yeah.net'], mx: [] },
      { imap: 'imap.vip.163.com', smtp: 'smtp.vip.163.com', domains: ['vip.163.com'], mx: [] },
      { imap: 'imap.vip.126.com', smtp: 'smtp.vip.126.com', domains: ['vip.126.com'], mx: [] },
      { imap: 'imap.188.com', smtp: 'smtp.188.com', domains: ['188.com'], mx: [] },
    ],
    ...TLS_PORTS,
    username: 'address',
    sent_copy: 'append',
    idle_reissue_ms: NETEASE_IDLE_MS,
    id_command: 'required',
    password: { kind: 'authorisation_code', page: 'https://mail.163.com/' },
    oauth2: null,
    limits: NO_LIMITS,
    setup: [
      'Enable IMAP/SMTP under Settings, POP3/SMTP/IMAP, and make an authorisation code (授权密码): that is the password here.',
    ],
    notes: [
      'Without an ID command the server says "Unsafe Login" to every SELECT; Postern always sends one here.',
      'An authorisation code may run out after 180 days.',
      'SMTP also listens with TLS on port 994.',
    ],
  },
  'netease-enterprise': {
    name: 'NetEase enterprise mail (网易企业邮箱)',
    hosts: [
      {
        imap: 'imap.qiye.163.com',
        smtp: 'smtp.qiye.163.com',
        domains: [],
        mx: ['mxmail.netease.com', 'qiye.163.com'],
      },
    ],
    ...TLS_PORTS,
    username: 'address',
    sent_copy: 'append',
    idle_reissue_ms: NETEASE_IDLE_MS,
    id_command: 'required',
    password: { kind: 'authorisation_code', page: 'https://qiye.163.com/login/' },
    oauth2: null,
    limits: NO_LIMITS,
    setup: [
      'The administrator allows IMAP and SMTP for the member.',
      'Where client authorisation is on, the member makes an authorisation code (客户端授权密码): that is the password here.',
    ],
    notes: ['SMTP also listens with TLS on port 994.', 'The ID command is needed as at 163.com.'],
  },
  alibaba: {
    name: 'Alibaba Mail (阿里邮箱)',
    hosts: [
      {
        imap: 'imap.qiye.aliyun.com',
        smtp: 'smtp.qiye.aliyun.com',
        domains: [],
        mx: ['qiye.aliyun.com', 'mxhichina.com'],
      },
      { imap: 'imap.sg.aliyun.com', smtp: 'smtp.sg.aliyun.com', domains: [], mx: ['sg.aliyun.com'] },
      { imap: 'imap.aliyun.com', smtp: 'smtp.aliyun.com', domains: ['aliyun.com'], mx: [] },
    ],
    ...TLS_PORTS,
    username: 'address',
    sent_copy: 'append',
    idle_reissue_ms: null,
    id_command: 'when_offered',
    password: { kind: 'authorisation_code', page: 'https://qiye.aliyun.com/' },
    oauth2: null,
    limits: { ...NO_LIMITS, message_bytes: 50 * MB },
    setup: [
      'The administrator allows third-party clients: for new companies they are off.',
      'Under Account security, make a third-party client password (三方客户端安全密码) where the company wants one: that is the password here.',
    ],
    notes: [],
  },
} as const satisfies Partial<Record<ProviderId, ProviderPreset>>;
