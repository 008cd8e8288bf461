// Certificates for test servers, made by openssl when they are first needed: an authority of our own, a good certificate
// for 127.0.0.1 and localhost, one for another name, and one that has run out.
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export type CertificateName = 'good' | 'wrong-name' | 'expired';

export interface Certificate {
  /** PEM. */
  cert: string;
  key: string;
  certFile: string;
  keyFile: string;
}

export interface TestCertificates {
  /** The authority's certificate, PEM: what a client has to trust. */
  ca: string;
  caFile: string;
  of: Record<CertificateName, Certificate>;
}

let made: Promise<TestCertificates> | undefined;

/** One set for each test process, removed when it ends. */
export function testCertificates(): Promise<TestCertificates> {
  made ??= make();
  return made;
}

async function make(): Promise<TestCertificates> {
  const folder = await mkdtemp(join(tmpdir(), 'postern-certificates-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  await chmod(folder, 0o755); // servers that drop root read them
  const openssl = (...args: string[]) => run('openssl', args, { cwd: folder });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await writeFile(join(folder, 'openssl.cnf'), OPENSSL_CONFIG);
  await openssl(
    ...['req', '-x509', '-config', 'openssl.cnf', '-extensions', 'authority', ...newKey],
    ...['-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=Postern test authority'],
  );

  const issue = async (
    name: CertificateName,
    names: string,
    from: string,
    to: string,
  ): Promise<Certificate> => {
    const home = join(folder, name); // `openssl ca` keeps a database: one for each, so that they can run side by side
    await mkdir(home);
    await writeFile(join(home, 'index'), '');
    await writeFile(join(home, 'serial'), randomBytes(8).toString('hex'));
    await writeFile(join(home, 'openssl.cnf'), `${OPENSSL_CONFIG}\n[leaf]\nsubjectAltName=${names}\n`);
    const config = join(name, 'openssl.cnf');
    await openssl(
      ...['req', '-new', '-config', config, ...newKey, '-subj', `/CN=${name}`],
      ...['-keyout', join(name, 'key.pem'), '-out', join(name, 'request.pem')],
    );
    await run(
      'openssl',
      [
        ...['ca', '-batch', '-config', 'openssl.cnf', '-extensions', 'leaf', '-notext'],
        ...[
          '-cert',
          '../ca.pem',
          '-keyfile',
          '../ca.key',
          '-outdir',
          '.',
          '-startdate',
          from,
          '-enddate',
          to,
        ],
        ...['-in', 'request.pem', '-out', 'cert.pem'],
      ],
      { cwd: home },
    );
    const [certFile, keyFile] = [join(home, 'cert.pem'), join(home, 'key.pem')];
    return {
      cert: await readFile(certFile, 'utf8'),
      key: await readFile(keyFile, 'utf8'),
      certFile,
      keyFile,
    };
  };

  const hour = 3_600_000;
  const [past, lately, soon] = [-48 * hour, -hour, 24 * hour].map((offset) => asn1Time(Date.now() + offset));
  try {
    const [good, wrongName, expired] = await Promise.all([
      issue('good', 'DNS:localhost,IP:127.0.0.1', String(lately), String(soon)),
      issue('wrong-name', 'DNS:mail.example.net', String(lately), String(soon)),
      issue('expired', 'DNS:localhost,IP:127.0.0.1', String(past), String(lately)),
    ]);
    const caFile = join(folder, 'ca.pem');
    return { ca: await readFile(caFile, 'utf8'), caFile, of: { good, 'wrong-name': wrongName, expired } };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/** UTCTime as `openssl ca` takes it: YYMMDDHHMMSSZ. */
function asn1Time(time: number): string {
  return `${new Date(time).toISOString().replace(/[-:T]/g, '').slice(2, 14)}Z`;
}

const OPENSSL_CONFIG = `
[req]
distinguished_name=name
prompt=no
[name]
CN=Postern test
[authority]
basicConstraints=critical,CA:TRUE
keyUsage=critical,keyCertSign,cRLSign
subjectKeyIdentifier=hash
[ca]
default_ca=here
[here]
database=index
serial=serial
new_certs_dir=.
default_md=sha256
policy=any
unique_subject=no
[any]
commonName=supplied
`;
