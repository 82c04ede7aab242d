export { ImageContents, type BytesOf } from './image-contents.ts';
export {
  BatchMaker,
  BatchQueue,
  abandonPacking,
  beginPacking,
  packBatches,
  packLarge,
  type Batch,
  type FileToPack,
  type Packing,
} from './pack-batches.ts';
export type { PackedFile, StoredContent } from './pack-files.ts';
export { ImageReader } from './read-image.ts';
export { filesOf, finishImage, imageTree, writeImage, type TreeEntry } from './write-image.ts';
