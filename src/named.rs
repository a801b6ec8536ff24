//! Enums whose variants have names, for reports and columns: written once, beside the variant.

/// An enum whose variants have names, in lower case with hyphens; `ALL` if it is asked for.
macro_rules! named {
    (
        $(#[$meta:meta])*
        pub enum $enum:ident { $($(#[$doc:meta])* $variant:ident = $name:literal,)+ }
        $(#[$name_doc:meta])*
        $of_name:vis fn name;
    ) => {
        $(#[$meta])*
        pub enum $enum {
            $($(#[$doc])* $variant,)+
        }

        impl $enum {
            $(#[$name_doc])*
            $of_name const fn name(self) -> &'static str {
                match self {
                    $($enum::$variant => $name,)+
                }
            }
        }
    };
    (
        $(#[$meta:meta])*
        pub enum $enum:ident { $($(#[$doc:meta])* $variant:ident = $name:literal,)+ }
        $(#[$all_doc:meta])*
        $of_all:vis const ALL: $count:literal;
        $($name_fn:tt)+
    ) => {
        named! {
            $(#[$meta])*
            pub enum $enum { $($(#[$doc])* $variant = $name,)+ }
            $($name_fn)+
        }

        impl $enum {
            $(#[$all_doc])*
            $of_all const ALL: [$enum; $count] = [$($enum::$variant),+];
        }
    };
}

pub(crate) use named;
