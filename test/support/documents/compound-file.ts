// Compound files (MS-CFB) with streams of given names: the header, one sector of the allocation table, the directory.
const SECTOR_BYTES = 512;
const END_OF_CHAIN = 0xfffffffe;
const TABLE_SECTOR = 0xfffffffd;

export function compoundFile(streams: readonly string[]): Buffer {
  const names = ['Root Entry', ...streams];
  const sectors = Math.ceil((names.length * 128) / SECTOR_BYTES);
  const header = Buffer.alloc(SECTOR_BYTES);
  header.write('d0cf11e0a1b11ae1', 0, 'hex');
  header.writeUInt16LE(0x3e, 24);
  header.writeUInt16LE(3, 26);
  header.writeUInt16LE(0xfffe, 28);
  header.writeUInt16LE(9, 30);
  header.writeUInt32LE(1, 44);
  header.writeUInt32LE(1, 48); // the directory begins in sector 1
  header.fill(0xff, 76);
  header.writeUInt32LE(0, 76); // the table lies in sector 0
  const table = Buffer.alloc(SECTOR_BYTES, 0xff);
  table.writeUInt32LE(TABLE_SECTOR, 0);
  for (let i = 1; i <= sectors; i++) table.writeUInt32LE(i === sectors ? END_OF_CHAIN : i + 1, i * 4);
  const directory = Buffer.alloc(sectors * SECTOR_BYTES);
  names.forEach((name, index) => {
    directory.write(name, index * 128, 'utf16le');
    directory.writeUInt16LE((name.length + 1) * 2, index * 128 + 64);
    directory.writeUInt8(index === 0 ? 5 : 2, index * 128 + 66);
  });
  return Buffer.concat([header, table, directory]);
}
