import {
  ArrayMaxSize,
  ArrayUnique,
  IsArray,
  IsBoolean,
  IsIn,
  IsObject,
  IsOptional,
  IsString,
  Length,
  Matches,
  MaxLength,
} from 'class-validator';

/** A relative path without a part that leads upwards; `.` is the root itself. */
const PATH = /^(?!\/)(?!.*(?:^|\/)\.\.(?:\/|$))[^\0\\]{1,512}$/;
const PLATFORM = /^[a-z0-9]+\/[a-z0-9]+(?:\/v\d+)?$/;
const PORTS = /^\d{1,5}:\d{1,5}$/;
/** As image names have it (distribution/reference), without a registry in front. */
const IMAGE = /^[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)*$/;
const REGISTRY = /^(?:[a-z0-9-]+(?:\.[a-z0-9-]+)+(?::\d{1,5})?|[a-z0-9-]+:\d{1,5}|localhost)(?:\/[a-z0-9._-]+)*$/;
const SERVICE_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/;

/** What a service is built of, as people say it; a build may say some of it otherwise for itself. */
export class BuildBody {
  @IsOptional()
  @IsString()
  @Length(1, 2048)
  git_url?: string;

  @IsOptional()
  @Matches(PATH)
  context_path?: string;

  @IsOptional()
  @Matches(PATH)
  dockerfile?: string;

  @IsOptional()
  @IsObject()
  build_args?: Record<string, unknown>;

  @IsOptional()
  @Matches(PLATFORM)
  platform?: string;

  @IsOptional()
  @IsIn(['default', 'none'])
  build_network?: 'default' | 'none';
}

export class StartBuildBody extends BuildBody {
  static readonly isOptional = true;

  @IsOptional()
  @IsString()
  @Length(1, 255)
  git_ref?: string;
}

export class ChangeServiceBody extends BuildBody {
  @IsOptional()
  @IsString()
  @Length(1, 255)
  branch?: string;

  @IsOptional()
  @IsBoolean()
  auto_build?: boolean;

  @IsOptional()
  @Matches(IMAGE)
  @MaxLength(200)
  image?: string;

  @IsOptional()
  @IsArray()
  @ArrayMaxSize(10)
  @ArrayUnique()
  @Matches(REGISTRY, { each: true })
  registries?: string[];

  @IsOptional()
  @IsArray()
  @ArrayMaxSize(20)
  @ArrayUnique()
  @Matches(PORTS, { each: true })
  ports?: string[];

  @IsOptional()
  @IsObject()
  environment?: Record<string, unknown>;

  @IsOptional()
  @IsObject()
  health_check?: Record<string, unknown>;
}

export class RegisterServiceBody extends ChangeServiceBody {
  @IsOptional()
  @IsString()
  @Length(3, 201)
  project?: string;

  @Matches(SERVICE_NAME)
  name!: string;
}
