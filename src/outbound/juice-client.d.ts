// The build of juice without file access has the types of the other.
declare module 'juice/client' {
  export { default } from 'juice';
}
