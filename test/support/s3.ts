// A real S3 server for tests: Ceph's RADOS Gateway over a store in memory, all of it on loopback and in a folder of the
// test's own. It takes some seconds to start: one for each test file is enough.
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'minio';
import { freePorts } from './ports.ts';
import { type ServerProcess, startProcess } from './process.ts';
import { findProgram } from './services.ts';

const run = promisify(execFile);
const STEP_LIMIT_MS = 60_000; // each takes less than a second where nobody else wants the machine
const START_ATTEMPTS = 3; // each with new ports, for the case that another process takes them first
const OSD_LOOKS = 40;

export interface S3Server extends AsyncDisposable {
  /** `http://127.0.0.1:…`. */
  readonly url: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly region: string;
  /** The first bucket, which is there. */
  readonly bucket: string;
  /** A client of the test's own. */
  client(): Client;
  stop(): Promise<void>;
}

export interface S3Options {
  /** How much the store holds. It takes memory only as it is filled. */
  storeBytes?: number;
}

const KEY = { accessKey: 'POSTERNTEST', secretKey: 'a-secret-key-for-tests' };
const BUCKET = 'postern-test';

/** The settings by which a gateway uses it. */
export const s3Environment = ({ url, bucket, accessKey, secretKey }: S3Server): Record<string, string> => ({
  POSTERN_S3_URL: url,
  POSTERN_S3_BUCKET: bucket,
  POSTERN_S3_ACCESS_KEY: accessKey,
  POSTERN_S3_SECRET_KEY: secretKey,
});

export async function startS3({ storeBytes = 2 ** 31 }: S3Options = {}): Promise<S3Server> {
  for (let attempt = 1; ; attempt++) {
    const folder = await mkdtemp(join(tmpdir(), 'postern-s3-'));
    const started: ServerProcess[] = [];
    const stop = async (): Promise<void> => {
      for (const server of started.reverse()) await server.stop(0); // in memory: there is nothing to be saved
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    };
    try {
      const [port = 0, monitorPort = 0] = await freePorts(2);
      await bringUp(folder, { port, monitorPort, storeBytes }, started);
      const client = (): Client =>
        new Client({
          endPoint: '127.0.0.1',
          port,
          useSSL: false,
          ...KEY,
          region: 'default',
          pathStyle: true,
        });
      await client().makeBucket(BUCKET, 'default');
      return {
        ...KEY,
        url: `http://127.0.0.1:${port}`,
        region: 'default',
        bucket: BUCKET,
        client,
        stop,
        [Symbol.asyncDispose]: stop,
      };
    } catch (error) {
      await stop();
      if (attempt >= START_ATTEMPTS) throw error;
    }
  }
}

interface Ports {
  port: number;
  monitorPort: number;
  storeBytes: number;
}

async function bringUp(folder: string, ports: Ports, started: ServerProcess[]): Promise<void> {
  for (const name of ['run', 'mon.a', 'osd.0', 'mgr.x', 'rgw']) await mkdir(join(folder, name));
  const [cluster, disk] = [randomUUID(), randomUUID()];
  const config = join(folder, 'ceph.conf');
  await writeFile(config, configOf(folder, cluster, ports));
  const env = { PATH: process.env.PATH ?? '', CEPH_CONF: config };
  const step = async (name: string, ...args: string[]): Promise<string> => {
    const { stdout } = await run(findProgram(name) ?? name, args, {
      cwd: folder,
      env,
      timeout: STEP_LIMIT_MS,
    });
    return stdout;
  };
  const daemon = async (name: string, args: readonly string[], readyPort?: number): Promise<void> => {
    const options = { cwd: folder, env, ...(readyPort === undefined ? {} : { readyPort }) };
    started.push(await startProcess(findProgram(name) ?? name, ['-f', ...args], options));
  };
  const key = (name: string, ...caps: string[]): Promise<string> =>
    step(
      'ceph-authtool',
      'keyring',
      '--gen-key',
      '-n',
      name,
      ...caps.flatMap((cap) => ['--cap', ...cap.split('=')]),
    );
  await writeFile(join(folder, 'keyring'), '');
  await key('mon.', 'mon=allow *');
  await key('client.admin', 'mon=allow *', 'osd=allow *', 'mgr=allow *');
  await key('osd.0', 'mon=allow profile osd', 'osd=allow *', 'mgr=allow profile osd');
  await key('mgr.x', 'mon=allow profile mgr', 'osd=allow *');
  await key('client.rgw', 'mon=allow rw', 'osd=allow rwx');
  await step(
    'monmaptool',
    '--create',
    '--fsid',
    cluster,
    '--addv',
    'a',
    `[v2:127.0.0.1:${ports.monitorPort}]`,
    'monmap',
  );
  await step('ceph-mon', '--mkfs', '-i', 'a', '--monmap', 'monmap', '--keyring', 'keyring');
  await daemon('ceph-mon', ['-i', 'a'], ports.monitorPort);
  await step('ceph', 'auth', 'import', '-i', 'keyring');
  await step('ceph', 'osd', 'new', disk, '0');
  await step('ceph-osd', '-i', '0', '--mkfs', '--osd-uuid', disk);
  await daemon('ceph-osd', ['-i', '0']);
  await daemon('ceph-mgr', ['-i', 'x']);
  for (let look = 0; !(await step('ceph', 'osd', 'stat')).includes('1 up'); look++)
    if (look >= OSD_LOOKS) throw new Error('the store of the S3 server did not come up');
  await daemon('radosgw', ['-n', 'client.rgw'], ports.port);
  const user = ['--uid=postern', '--display-name=postern'];
  await step(
    ...(['radosgw-admin', 'user', 'create', ...user] as const),
    ...[`--access-key=${KEY.accessKey}`, `--secret-key=${KEY.secretKey}`],
  );
}

const configOf = (folder: string, cluster: string, { port, monitorPort, storeBytes }: Ports): string => `
[global]
fsid=${cluster}
mon_host=v2:127.0.0.1:${monitorPort}
public_addr=127.0.0.1
cluster_addr=127.0.0.1
auth_cluster_required=cephx
auth_service_required=cephx
auth_client_required=cephx
keyring=${folder}/keyring
run_dir=${folder}/run
log_file=${folder}/$name.log
admin_socket=${folder}/run/$name.asok
pid_file=${folder}/run/$name.pid
osd_pool_default_size=1
osd_pool_default_min_size=1
osd_crush_chooseleaf_type=0
mon_allow_pool_size_one=true
osd_pool_default_pg_num=4
osd_pool_default_pg_autoscale_mode=off
[mon.a]
mon_data=${folder}/mon.a
[osd.0]
osd_data=${folder}/osd.0
osd_objectstore=memstore
memstore_device_bytes=${storeBytes}
[mgr.x]
mgr_data=${folder}/mgr.x
[client.rgw]
rgw_frontends=beast endpoint=127.0.0.1:${port}
rgw_data=${folder}/rgw
rgw_thread_pool_size=16
`;
