CREATE TABLE averages (station varchar(40) PRIMARY KEY, celsius numeric NOT NULL, readings integer NOT NULL);
