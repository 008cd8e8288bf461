// Requests to addresses that operators name, and that must never lead into the network of the gateway.
import assert from 'node:assert/strict';
import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { Readable } from 'node:stream';
import { describe, it } from 'node:test';
import { isPublicAddress, type Lookup } from './public-address.ts';
import { ask, checkedUrl, redirected } from './request.ts';

const REFUSED = { code: 'egress_refused', retry: 'never' };

interface Endpoint {
  url: string;
  server: Server;
  [Symbol.asyncDispose](): Promise<void>;
}

async function listen(handler: RequestListener): Promise<Endpoint> {
  const server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    server,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const send = (url: string, change: object = {}) =>
  ask({
    url,
    headers: { 'content-type': 'application/json', 'webhook-id': 'trn_1' },
    body: '{"x":1}',
    allowPrivate: true,
    timeoutMs: 20_000,
    signal: new AbortController().signal,
    ...change,
  });

/** A name server that answers with these addresses. */
const answering =
  (...addresses: string[]): Lookup =>
  (_, __, callback) =>
    (callback as (error: null, found: object[]) => void)(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );

describe('an address of an endpoint', () => {
  const inside = [
    ...['127.0.0.1', '127.1', '2130706433', '0x7f.0.0.1', '0x7f000001', '0177.0.0.1', '127.0.0.1.'],
    ...['0', '0.0.0.0', '10.1.2.3', '172.16.0.1', '192.168.1.1', '100.64.0.1', '100.100.100.200'],
    ...['169.254.169.254', '168.63.129.16', '192.0.0.192', '198.18.0.1', '224.0.0.1', '255.255.255.255'],
    ...['[::1]', '[::]', '[::127.0.0.1]', '[::ffff:127.0.0.1]', '[::ffff:a9fe:a9fe]', '[64:ff9b::10.0.0.1]'],
    ...[
      '[64:ff9b:1::a00:1]',
      '[2002:7f00:1::]',
      '[2002:a00:1::1]',
      '[fe80::1]',
      '[fc00::1]',
      '[fd00:ec2::254]',
    ],
    ...['[fec0::1]', '[ff02::1]', '[2001:db8::1]', '[2001::7f00:1]', '[::ffff:0:7f00:1]', '[4000::1]'],
    '①②⑦.0.0.1',
  ];
  for (const host of inside) {
    it(`${host} is inside a network, and is refused unless that is allowed`, () => {
      assert.throws(() => checkedUrl(`https://${host}/hook`, false), { ...REFUSED, hint: /allow_private/ });
      assert.ok(checkedUrl(`http://${host}/hook`, true));
    });
  }

  it('on the open internet is allowed, by https alone', () => {
    for (const host of ['8.8.8.8', '[2606:4700::1111]', '[64:ff9b::8.8.8.8]', 'hook.example'])
      assert.ok(checkedUrl(`https://${host}/hook`, false));
    assert.ok(isPublicAddress('::ffff:8.8.8.8'));
    assert.throws(() => checkedUrl('http://hook.example/', false), { ...REFUSED, message: /not https/ });
    for (const url of ['ftp://hook.example/', 'file:///etc/passwd', 'nonsense'])
      assert.throws(() => checkedUrl(url, true), REFUSED);
  });

  it('holds no user name and no password, and the error does not repeat them', () => {
    for (const url of ['https://user:pass-canary@hook.example/', 'https://pass-canary@hook.example/'])
      assert.throws(
        () => checkedUrl(url, true),
        (error: Error) => /user name/.test(error.message) && !error.message.includes('canary'),
      );
  });
});

describe('a name of an endpoint', () => {
  for (const addresses of [
    ['127.0.0.1'],
    ['10.0.0.1'],
    ['8.8.8.8', '192.168.0.1'],
    ['::ffff:127.0.0.1'],
    ['::1'],
    [],
  ]) {
    it(`that resolves to ${addresses.join(' and ') || 'nothing'} is refused when it is connected to`, async () => {
      const lookup = answering(...addresses);
      await assert.rejects(send('https://hook.example/', { allowPrivate: false, lookup }), REFUSED);
    });
  }

  for (const address of [
    '169.254.169.254',
    '::ffff:169.254.169.254',
    'fd00:ec2::254',
    'fe80::1',
    '168.63.129.16',
  ]) {
    it(`that resolves to ${address} is refused also where private addresses are allowed`, async () => {
      const lookup = answering('10.0.0.1', address);
      await assert.rejects(send('http://hook.example/', { lookup }), REFUSED);
    });
  }

  it('that resolves to a private address is connected to where that is allowed', async () => {
    await using endpoint = await listen((_, res) => res.end('here'));
    const { port } = new URL(endpoint.url);
    const { body } = await send(`http://hook.example:${port}/`, { lookup: answering('127.0.0.1') });
    assert.equal(body, 'here');
  });

  it('is resolved once for a request: no second answer of a name server leads it astray', async () => {
    let asked = 0;
    const lookup: Lookup = (hostname, options, callback) =>
      answering(asked++ === 0 ? '192.0.2.1' : '127.0.0.1')(hostname, options, callback);
    await assert.rejects(send('https://hook.example/', { allowPrivate: false, lookup, timeoutMs: 200 }));
    assert.equal(asked, 1);
  });

  it('that cannot be resolved is tried again later', async () => {
    const lookup: Lookup = (_, __, callback) =>
      callback(Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' }), '', 0);
    await assert.rejects(send('https://hook.example/', { allowPrivate: false, lookup }), {
      code: 'unreachable',
      retry: 'later',
    });
  });
});

describe('a redirect', () => {
  it('is followed up to three times, with the same body and headers', async () => {
    const seen: string[] = [];
    await using endpoint = await listen((req, res) => {
      const left = Number(req.url?.slice(1));
      req.on('data', (chunk: Buffer) => seen.push(`${req.method} ${req.headers['webhook-id']} ${chunk}`));
      req.on('end', () =>
        left > 0 ? res.writeHead(302, { location: `/${left - 1}` }).end() : res.end('{"actions":[]}'),
      );
    });
    assert.equal((await send(`${endpoint.url}/3`)).body, '{"actions":[]}');
    assert.deepEqual(seen, Array(4).fill('POST trn_1 {"x":1}'));
    await assert.rejects(send(`${endpoint.url}/4`), { ...REFUSED, message: /more than 3 times/ });
  });

  it('leads to another origin without the signature and the credentials', async () => {
    const seen: unknown[] = [];
    const note: RequestListener = ({ headers }, res) => {
      seen.push([headers['webhook-id'], headers['webhook-signature']]);
      res.end();
    };
    await using other = await listen(note);
    await using endpoint = await listen((req, res) => {
      seen.push([req.headers['webhook-id'], req.headers['webhook-signature']]);
      res.writeHead(307, { location: req.url === '/' ? '/again' : other.url }).end();
    });
    await send(endpoint.url, { ownHeaders: { 'webhook-signature': 'v1,x' } });
    assert.deepEqual(seen, [
      ['trn_1', 'v1,x'],
      ['trn_1', 'v1,x'],
      ['trn_1', undefined],
    ]);
  });

  it('by 303 asks with a GET and without the body, and any other repeats the POST', async () => {
    for (const status of [301, 302, 303, 307, 308]) {
      const seen: string[] = [];
      await using endpoint = await listen((req, res) => {
        let body = '';
        req.on('data', (chunk: Buffer) => (body += chunk));
        req.on('end', () => {
          seen.push(`${req.method} ${body}`);
          if (req.url === '/') res.writeHead(status, { location: '/next' });
          res.end();
        });
      });
      await send(endpoint.url);
      assert.deepEqual(seen, ['POST {"x":1}', status === 303 ? 'GET ' : 'POST {"x":1}'], String(status));
    }
  });

  it('from https to http is refused, and so is one to what is no address', () => {
    const first = new URL('https://hook.example/a');
    assert.throws(() => redirected(first, 'http://hook.example/b', first, true), {
      ...REFUSED,
      message: /unencrypted/,
    });
    assert.throws(() => redirected(first, 'https://', first, true), REFUSED);
    assert.equal(redirected(first, '/b', first, false).href, 'https://hook.example/b');
  });

  it('from an endpoint that may be private leads to no other private one', async () => {
    await using other = await listen((_, res) => res.end('{"secret":1}'));
    const elsewhere = other.url.replace('127.0.0.1', '127.0.0.2');
    await using endpoint = await listen((_, res) => res.writeHead(307, { location: elsewhere }).end());
    await assert.rejects(send(endpoint.url), REFUSED);
    const first = new URL('https://hook.example/');
    assert.throws(() => redirected(first, 'https://169.254.169.254/', first, false), REFUSED);
  });
});

describe('an endpoint', () => {
  it('is sent a body that is not held in memory, anew at each redirect', async () => {
    const bodies: string[] = [];
    await using endpoint = await listen((req, res) => {
      let text = '';
      req.on('data', (chunk: Buffer) => (text += chunk));
      req.on('end', () => {
        bodies.push(`${req.headers['content-length']} ${text}`);
        if (req.url === '/') res.writeHead(307, { location: '/next' });
        res.end();
      });
    });
    await send(endpoint.url, {
      body: { bytes: 6, open: () => Readable.from([Buffer.from('abc'), Buffer.from('def')]) },
    });
    assert.deepEqual(bodies, ['6 abcdef', '6 abcdef']);
  });

  it('of which the status is asked for alone is heard out, and not hung up on', async () => {
    const ended = Promise.withResolvers<boolean>();
    await using endpoint = await listen((_, res) => {
      res.on('close', () => ended.resolve(res.writableFinished));
      res.flushHeaders();
      setImmediate(() => res.write('ok', () => setImmediate(() => res.end('done'))));
    });
    assert.equal((await send(endpoint.url, { statusOnly: true })).status, 200);
    assert.equal(await ended.promise, true);
  });

  it('of which the status is asked for alone may answer without an end', async () => {
    await using endless = await listen((_, res) => void res.writeHead(201).write('x'));
    const { status, body } = await send(endless.url, { statusOnly: true });
    assert.deepEqual([status, body], [201, '']);
  });

  it('that hangs ends at the time limit, before its answer and in the middle of it', async () => {
    await using silent = await listen(() => undefined);
    await using slow = await listen((_, res) => res.write('{'));
    for (const { url } of [silent, slow])
      await assert.rejects(send(url, { timeoutMs: 200 }), {
        code: 'timeout',
        retry: 'later',
        message: /200 ms/,
      });
  });

  it('is left when Postern stops', async () => {
    const stop = new AbortController();
    await using silent = await listen(() => stop.abort());
    await assert.rejects(send(silent.url, { signal: stop.signal }), { code: 'stopping', retry: 'later' });
  });

  it('that breaks off, or is not there, is tried again later', async () => {
    await using broken = await listen((_, res) => {
      res.writeHead(200, { 'content-length': '100' });
      res.write('{', () => res.destroy());
    });
    await assert.rejects(send(broken.url), { code: 'unreachable', retry: 'later' });
    const { url } = broken;
    await broken[Symbol.asyncDispose]();
    await assert.rejects(send(url), { code: 'unreachable', retry: 'later' });
  });

  it('may send its answer octet by octet, which takes no more memory', async () => {
    const octets = '1\r\nx\r\n'.repeat(600_000);
    const server = createTcpServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => {
        socket.end(`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${octets}0\r\n\r\n`);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const before = process.memoryUsage.rss();
    const { body } = await send(`http://127.0.0.1:${port}`);
    const grown = process.memoryUsage.rss() - before;
    server.close();
    assert.equal(body.length, 600_000);
    assert.ok(grown < 128e6, `${Math.round(grown / 1e6)} MB for 600 kB`);
  });

  it('may answer with 64 MB and no more', async () => {
    const chunk = Buffer.alloc(1 << 20, 'x');
    await using endless = await listen((_, res) => {
      const more = (): void => void res.write(chunk, (error) => error ?? more());
      more();
    });
    await assert.rejects(send(endless.url), { code: 'answer_invalid', retry: 'never' });
  });
});
