import { isImageName } from '@foldline/contracts';
import { ValidateBy } from 'class-validator';

/** The name of an image, with its tag or its digest. */
export const IsImageName = (): PropertyDecorator =>
  ValidateBy({
    name: 'isImageName',
    validator: {
      validate: (value) => typeof value === 'string' && isImageName(value),
      defaultMessage: () => '$property must be the name of an image, for example "engine:v1.2"',
    },
  });
