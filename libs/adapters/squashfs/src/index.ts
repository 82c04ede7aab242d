export { writeImage, type TreeEntry, type WrittenFile } from './write-image.ts';
