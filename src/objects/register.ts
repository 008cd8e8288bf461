// Stored bytes wired: blobs, what people upload, what events leave for a while, what mails link to, and the sweep behind them.
import type { JobQueue } from '../jobs/queue.ts';
import type { JobWorker } from '../jobs/worker.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Store } from '../store/store.ts';
import { Artifacts, type ArtifactsParts } from './artifacts.ts';
import { Blobs } from './blobs.ts';
import { Links } from './links.ts';
import type { ObjectStore } from './object-store.ts';
import { PartUploads } from './part-uploads.ts';
import { ObjectSweep } from './sweep.ts';
import { Uploads } from './uploads.ts';

export interface ObjectRoomParts {
  store: Store;
  objects: ObjectStore;
  jobs: JobQueue;
  worker: JobWorker;
  clock: Clock;
  log: Logger;
  /** Writes into the audit, in the transaction. */
  audit: ArtifactsParts['audit'];
}

export interface ObjectRoom {
  blobs: Blobs;
  uploads: Uploads;
  partUploads: PartUploads;
  artifacts: Artifacts;
  links: Links;
  sweep: ObjectSweep;
}

/** Makes the parts of the room and registers the handlers of `object.expire`, `upload.expire`, `artifact.expire` and `link.expire`. */
export function registerObjects(parts: ObjectRoomParts): ObjectRoom {
  const { store, objects, jobs, worker, clock, audit } = parts;
  const blobs = new Blobs(store, objects, clock);
  const uploads = new Uploads(store, blobs, jobs, clock);
  worker.handle('object.expire', ({ object_id: id }) => uploads.expire(id));
  const partUploads = new PartUploads({ store, blobs, uploads, jobs, clock });
  worker.handle('upload.expire', ({ upload_id: id }) => partUploads.expire(id));
  const artifacts = new Artifacts({ store, blobs, jobs, clock, audit });
  worker.handle('artifact.expire', ({ object_id: id }, job) => artifacts.expire(id, job));
  const links = new Links({ store, blobs, jobs, clock, audit });
  worker.handle('link.expire', ({ link_id: id }, job) => links.expire(id, job));
  const sweep = new ObjectSweep({ store, objects, clock, log: parts.log.child({ part: 'objects' }) });
  return { blobs, uploads, partUploads, artifacts, links, sweep };
}
